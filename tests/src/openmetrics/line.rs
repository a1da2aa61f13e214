use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

/// One line with a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// With its suffix, as in `x_total`.
    pub name: String,
    /// By name.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

/// `name{label="value",…} number`, and nothing else: no timestamps, no exemplars.
pub(super) fn parse(line: &str) -> Result<Sample> {
    let end = line.find(['{', ' ']).context("no value")?;
    let (name, rest) = line.split_at(end);
    ensure!(is_name(name), "{name:?} is no name");
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    let value = rest
        .strip_prefix(' ')
        .context("no blank before the value")?;
    let value: f64 = value
        .parse()
        .with_context(|| format!("{value:?} is no number"))?;
    ensure!(!value.is_nan(), "not a number");
    Ok(Sample {
        name: name.to_owned(),
        labels,
        value,
    })
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|it| it.is_ascii_lowercase())
        && chars.all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_')
}

/// The labels, and what follows their brace.
fn labels(mut rest: &str) -> Result<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        let (name, after) = rest.split_once("=\"").context("no label")?;
        ensure!(is_name(name), "{name:?} is no label");
        let (value, after) = value(after)?;
        ensure!(
            labels.insert(name.to_owned(), value).is_none(),
            "{name} twice"
        );
        if let Some(after) = after.strip_prefix('}') {
            return Ok((labels, after));
        }
        rest = after.strip_prefix(',').context("no comma between labels")?;
    }
}

/// A label's value up to its quote, and what follows.
fn value(text: &str) -> Result<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, next)) = chars.next() {
        match next {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                other => bail!("an escape that is none: {other:?}"),
            },
            plain => value.push(plain),
        }
    }
    bail!("a label that does not end")
}
