use proptest::prelude::*;

use super::*;

fn matches(pattern: &str, name: &str) -> bool {
    Glob::new(pattern, b'/').matches(name)
}

#[test]
fn a_pattern_without_stars_matches_itself_only() {
    assert!(matches("orders", "orders"));
    assert!(!matches("orders", "orders2"));
    assert!(!matches("orders", "order"));
    assert!(!matches("orders", ""));
    assert!(matches("or?ers", "or?ers") && !matches("or?ers", "orders"));
}

#[test]
fn one_star_stays_within_its_segment() {
    assert!(matches("orders*", "orders-eu"));
    assert!(matches("orders*", "orders"));
    assert!(!matches("orders*", "orders/admin"));
    assert!(matches("team/*/api", "team/a/api"));
    assert!(!matches("team/*/api", "team/a/b/api"));
    assert!(matches("*", "orders") && !matches("*", "a/b"));
}

#[test]
fn two_stars_cross_segments() {
    assert!(matches("**", "a/b/c"));
    assert!(matches("team/**", "team/a/b"));
    assert!(!matches("team/**", "team"));
    assert!(matches("**/api", "a/b/api"));
    assert!(matches("**a*b", "x/ab/aab"));
    assert!(matches("a**b*c", "a/b/bxc"));
}

#[test]
fn labels_of_host_names_are_segments_too() {
    let glob = Glob::new("*.example.com", b'.');
    assert!(glob.matches("a.example.com"));
    assert!(!glob.matches("a.b.example.com"));
    assert!(!glob.matches("example.com"));
}

/// What the rules say, tried every way.
fn oracle(pattern: &[u8], name: &[u8]) -> bool {
    match pattern {
        [] => name.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=name.len()).any(|n| oracle(rest, &name[n..])),
        [b'*', rest @ ..] => (0..=name.len())
            .take_while(|n| !name[..*n].contains(&b'/'))
            .any(|n| oracle(rest, &name[n..])),
        [byte, rest @ ..] => name.first() == Some(byte) && oracle(rest, &name[1..]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]
    #[test]
    fn it_matches_what_trying_everything_matches(
        pattern in "[ab/*]{0,9}",
        name in "[ab/]{0,9}",
    ) {
        prop_assert_eq!(matches(&pattern, &name), oracle(pattern.as_bytes(), name.as_bytes()));
    }

    #[test]
    fn a_name_is_matched_by_itself_with_any_part_starred(
        before in "[a-z/é]{0,9}", part in "[a-z/é]{0,9}", after in "[a-z/é]{0,9}",
    ) {
        let pattern = format!("{before}**{after}");
        let name = format!("{before}{part}{after}");
        prop_assert!(matches(&pattern, &name));
    }
}

/// Work is bounded by pattern times name squared, which at 255 bytes each is nothing.
#[test]
fn a_hostile_name_costs_little() {
    let pattern = "*a".repeat(100) + "b";
    let started = std::time::Instant::now();
    assert!(!matches(&pattern, &"a".repeat(255)));
    assert!(!matches(&("**a".repeat(80) + "b"), &"a".repeat(255)));
    assert!(started.elapsed() < std::time::Duration::from_secs(1));
}
