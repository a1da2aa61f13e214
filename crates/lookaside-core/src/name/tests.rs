use super::*;

fn candidates(requested: &str) -> Vec<String> {
    ServiceName::candidates(requested)
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_requested_name_is_tried_as_it_is_before_port_and_dot_are_stripped() {
    assert_eq!(candidates("orders"), ["orders"]);
    assert_eq!(candidates("orders:8080"), ["orders:8080", "orders"]);
    assert_eq!(candidates("orders."), ["orders.", "orders"]);
    assert_eq!(
        candidates("orders.:8080"),
        ["orders.:8080", "orders.", "orders"]
    );
    assert_eq!(
        candidates("team/orders:1"),
        ["team/orders:1", "team/orders"]
    );
}

#[test]
fn what_follows_a_colon_is_a_port_only_if_it_is_a_number() {
    assert_eq!(candidates("a:b"), ["a:b"]);
    assert_eq!(candidates("a:"), ["a:"]);
}

#[test]
fn a_requested_name_that_leaves_nothing_is_refused() {
    assert!(ServiceName::candidates("").is_err());
    assert!(ServiceName::candidates(":80").is_err());
    assert!(ServiceName::candidates(".").is_err());
}

#[test]
fn names_are_bounded_in_length() {
    assert!(ServiceName::new(&"x".repeat(255)).is_ok());
    let error = ServiceName::new(&"x".repeat(256)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "service name has 256 bytes, at most 255 are allowed"
    );
    assert!(ServiceName::candidates(&"x".repeat(256)).is_err());
}

#[test]
fn empty_segments_and_unprintable_characters_are_refused() {
    for bad in ["", "/a", "a/", "a//b", "a b", "a\n", "a\u{7f}"] {
        assert!(ServiceName::new(bad).is_err(), "{bad:?}");
    }
    assert!(BackendId::new("a/b").is_err());
    assert!(BackendId::new("10.0.0.1:80").is_ok());
}
