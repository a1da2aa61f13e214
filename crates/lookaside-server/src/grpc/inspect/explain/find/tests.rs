use super::*;

fn backend(id: &str, address: &str, resolved: &[&str]) -> v1::Backend {
    v1::Backend {
        id: id.to_owned(),
        address: address.to_owned(),
        resolved: resolved.iter().map(ToString::to_string).collect(),
        ..v1::Backend::default()
    }
}

fn service() -> v1::Service {
    v1::Service {
        name: "orders".to_owned(),
        backends: vec![
            backend("a", "10.0.0.1:80", &["10.0.0.1:80"]),
            backend("b", "b.example:80", &["10.0.0.2:80", "[2001:db8::2]:80"]),
            backend("c", "c.example:80", &["10.0.0.2:80"]),
            backend("10.0.0.1:80", "10.0.0.9:80", &["10.0.0.9:80"]),
        ],
        ..v1::Service::default()
    }
}

#[test]
fn a_backend_is_found_by_id_and_then_by_address() {
    for (wanted, id) in [
        ("a", "a"),
        ("10.0.0.1:80", "10.0.0.1:80"),
        ("b.example:80", "b"),
        ("[2001:0db8::0002]:80", "b"),
        ("10.0.0.9:80", "10.0.0.1:80"),
    ] {
        assert_eq!(find(&service(), wanted).unwrap().id, id, "{wanted}");
    }
}

#[test]
fn one_that_is_not_there_is_answered_with_those_that_are() {
    let status = find(&service(), "x").unwrap_err();
    assert_eq!(status.code(), tonic::Code::NotFound);
    assert_eq!(
        status.message(),
        "service orders has no backend \"x\"; it has a, b, c, 10.0.0.1:80"
    );
    let many = (0..12).map(|n| backend(&format!("b{n}"), "h:1", &[]));
    let service = v1::Service {
        backends: many.collect(),
        ..service()
    };
    let status = find(&service, "x").unwrap_err();
    assert!(status.message().ends_with("b8, b9, and 2 more"), "{status}");
    let none = find(&v1::Service::default(), "x").unwrap_err();
    assert!(none.message().ends_with("it has none"), "{none}");
}

#[test]
fn an_address_of_several_is_not_guessed_at() {
    let status = find(&service(), "10.0.0.2:80").unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert!(status.message().ends_with("one of b, c"), "{status}");
}
