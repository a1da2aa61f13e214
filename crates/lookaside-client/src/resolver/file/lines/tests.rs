use super::*;

#[test]
fn there_is_an_address_on_every_line_but_empty_ones_and_comments() {
    let text =
        "# the shop\n\n10.0.0.1:50051\r\n  shop-2:50051  # by name\n[::1]:1\nunix:/run/shop.sock";
    let found: Vec<_> = parse(text)
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    let expected = [
        "10.0.0.1:50051",
        "shop-2:50051",
        "[::1]:1",
        "unix:/run/shop.sock",
    ];
    assert_eq!(found, expected);
    assert_eq!(parse(" \n#\n"), Ok(Vec::new()));
}

#[test]
fn a_line_that_is_no_address_is_named() {
    let error = parse("10.0.0.1:1\n\nshop\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 3: address \"shop\" is not HOST:PORT (an IPv6 address goes in brackets: \
         [::1]:50051)"
    );
}
