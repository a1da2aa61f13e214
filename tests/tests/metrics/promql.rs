//! What of a PromQL expression is the name of a metric.

use std::collections::BTreeSet;

use crate::world::Families;

/// The names with our prefix, in any text. Labels and functions have another one.
pub(crate) fn metrics(text: &str) -> BTreeSet<String> {
    let is_word = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == ':';
    text.split(|it| !is_word(it))
        .filter(|word| word.starts_with("lookaside_"))
        .map(str::to_owned)
        .collect()
}

/// Those of them that nobody exports.
pub(crate) fn unknown(text: &str, families: &Families) -> Vec<String> {
    let exported: BTreeSet<String> = families
        .values()
        .flat_map(|family| family.sample_names())
        .collect();
    metrics(text).difference(&exported).cloned().collect()
}

/// Whether its brackets are in pairs, and its quotes.
pub(crate) fn is_balanced(text: &str) -> bool {
    let mut open = Vec::new();
    let mut quote = None;
    for it in text.chars() {
        match (quote, it) {
            (Some(end), it) if it == end => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(it),
            (None, '(') => open.push(')'),
            (None, '[') => open.push(']'),
            (None, '{') => open.push('}'),
            (None, ')' | ']' | '}') if open.pop() != Some(it) => return false,
            (None, _) => {}
        }
    }
    open.is_empty() && quote.is_none()
}

#[test]
fn names_are_found_within_an_expression() {
    let text = "sum by (service) (rate(lookaside_a_total{b=\"lookaside\"}[5m])) / lookaside_c > 1";
    let found: Vec<_> = metrics(text).into_iter().collect();
    assert_eq!(found, ["lookaside_a_total", "lookaside_c"]);
    assert!(is_balanced(text));
    assert!(!is_balanced("sum(rate(a[5m])"));
    assert!(!is_balanced("a{b=\"c}"));
}
