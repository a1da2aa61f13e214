use super::*;

#[test]
fn addresses_and_names_are_told_apart_and_printed_as_they_were_written() {
    for (text, is_ip) in [
        ("10.0.0.1:80", true),
        ("[::1]:80", true),
        ("orders-1.prod.svc:50051", false),
        ("backend_a:1", false),
        ("localhost:0", false),
    ] {
        let parsed: HostPort = text.parse().unwrap();
        assert_eq!(parsed.to_string(), text);
        assert_eq!(parsed.socket_addr().is_some(), is_ip, "{text}");
    }
}

#[test]
fn what_is_no_address_is_refused_with_the_part_that_is_wrong() {
    let error = |text: &str| text.parse::<HostPort>().unwrap_err().to_string();
    assert!(error("10.0.0.1").contains("is not HOST:PORT"));
    assert!(error("::1:80").contains("brackets"));
    assert!(error("a:b").contains("\"b\" is not a port number"));
    assert!(error("a:65536").contains("65536"));
    assert!(error("a:+1").contains("port"));
    assert!(error("1.2.3:80").contains("not a host name"));
    assert!(error(":80").contains("\"\" is not a host name"));
    assert!(error("a b:80").contains("not a host name"));
    assert!(error("[::g]:80").contains("::g"));
}

#[test]
fn wildcards_and_port_zero_cannot_be_dialled() {
    for text in ["0.0.0.0:80", "[::]:80", "10.0.0.1:0"] {
        assert!(
            text.parse::<HostPort>().unwrap().dialable().is_err(),
            "{text}"
        );
    }
    assert!(
        "10.0.0.1:80"
            .parse::<HostPort>()
            .unwrap()
            .dialable()
            .is_ok()
    );
}
