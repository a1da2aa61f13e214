use super::*;

fn parse(text: &str) -> Document {
    Document::parse(text.as_bytes()).unwrap()
}

fn error(text: &str) -> String {
    let error = Document::parse(text.as_bytes()).unwrap_err();
    error.in_file("reg.toml".as_ref())
}

#[test]
fn a_file_says_backends_and_settings() {
    let document = parse(
        r#"
[[services]]
name = "orders"
drops = [{ category = "overload", per_million = 250000 }]

[[services.backends]]
id = "b"
address = "10.0.0.1:50051"
weight = 3
zone = "z1"
state = "draining"

[[services.backends]]
address = "[::1]:50051"

[[services]]
name = "carts"
"#,
    );
    let orders = &document.services["orders"];
    let settings = orders.settings.as_ref().unwrap();
    assert_eq!(settings.drops.as_slice()[0].per_million, 250_000);
    assert!(!settings.fallback);
    let [a, b] = orders.backends.as_slice() else {
        panic!("{orders:?}");
    };
    assert_eq!((a.id.as_str(), a.weight), ("[::1]:50051", DEFAULT_WEIGHT));
    assert_eq!((a.state, &a.zone), (BackendState::Serving, &None));
    assert_eq!((b.id.as_str(), b.weight), ("b", 3));
    assert_eq!(b.address, "10.0.0.1:50051".parse().unwrap());
    assert_eq!(
        (b.state, b.zone.as_deref()),
        (BackendState::Draining, Some("z1"))
    );
    assert_eq!(&*b.key, "orders/b");

    let carts = &document.services["carts"];
    assert!(carts.backends.is_empty() && carts.settings.is_none());
}

#[test]
fn a_file_has_every_setting() {
    let document = parse(
        r#"
[[services]]
name = "orders"
on_empty = "drop"
max_slots = 7
report_interval = "1s"
hold_down = "0s"
[services.health]
type = "grpc"
interval = "2s"
"#,
    );
    let settings = document.services["orders"].settings.clone().unwrap();
    assert_eq!(settings.on_empty, Some(lookaside_core::OnEmpty::Drop));
    assert_eq!(settings.max_slots.unwrap().get(), 7);
    assert_eq!(settings.report_interval.unwrap().as_secs(), 1);
    assert!(settings.hold_down.unwrap().is_zero());
    assert_eq!(settings.health.unwrap().interval.as_secs(), 2);
}

#[test]
fn a_file_that_does_not_mention_services_is_wrong_and_an_empty_list_is_not() {
    for text in ["", " \n\n", "# all commented out\n# [[services]]\n"] {
        assert!(error(text).contains("services = []"), "{text:?}");
    }
    assert!(parse("services = []").services.is_empty());
}

#[test]
fn an_error_names_the_line_the_key_and_what_was_expected() {
    for (text, expected) in [
        (
            "[[services]]\nname = 'a'\nwieght = 1\n",
            [
                "reg.toml:3:1: services[0].wieght: ",
                "unknown field `wieght`",
            ],
        ),
        (
            "[[services]]\nname = 'a'\n[[services.backends]]\naddress='h:1'\nwieght = 1",
            ["reg.toml:5:1: services[0].backends[0].wieght: ", "`weight`"],
        ),
        (
            "[[services]]\nname = 'a'\n[[services.backends]]\naddress='h:1'\nweight = -1",
            ["reg.toml:5:10: ", "a whole number from 0 to 4294967295"],
        ),
        (
            "[[services]]\nname = 'a'\n[[services.backends]]\naddress='h'",
            [
                "reg.toml:4:9: services[0].backends[0].address: ",
                "HOST:PORT",
            ],
        ),
        (
            "[[services]]\nname = 'a'\n[[services.backends]]\naddress='0.0.0.0:1'",
            ["reg.toml:4:9: ", "cannot be dialled"],
        ),
        (
            "[[services]]\nname = 'a'\n[[services.backends]]\nid = 'a'",
            [
                "reg.toml:3:1: services[0].backends[0]: ",
                "missing field `address`",
            ],
        ),
        (
            "[[services]]\nname = 'a'\n[[services.backends]]\naddress='h:1'\nzone=''",
            ["reg.toml:5:6: ", "zone"],
        ),
        (
            "[[services]]\nname = 'a'\n[[services.backends]]\naddress='h:1'\nstate='up'",
            ["reg.toml:5:7: ", "`serving` or `draining`"],
        ),
        (
            "[[services]]\nname = 'a'\n[[services.backends]]\naddress='h:1'\nid='a/b'",
            ["reg.toml:5:4: services[0].backends[0].id: ", "slash"],
        ),
        (
            "[[services]]\nname = 'a b'",
            ["reg.toml:2:8: services[0].name: ", "white space"],
        ),
        (
            "[[services]]\nname = 'a'\ndrops = [{category='x', per_million=2000000}]",
            [
                "reg.toml:3:37: services[0].drops[0].per_million: ",
                "from 0 to 1000000",
            ],
        ),
        (
            "[[services]]\nname = 'a'\ndrops = [{category='x y', per_million=1}]",
            ["reg.toml:3:9: services[0].drops: ", "\"x y\""],
        ),
        (
            "[[services]]\nname = 'a'\nfallback = 'no'",
            ["reg.toml:3:12: services[0].fallback: ", "a boolean"],
        ),
        (
            "services = [['a']]",
            ["reg.toml:1:13: services[0]: ", "an object"],
        ),
        (
            "[[services]]\nname = 'a",
            ["reg.toml:2:10: ", "expected `'`"],
        ),
        (
            "[[services]]\nname = 'a'\nmax_slots = 0",
            ["reg.toml:3:13: services[0].max_slots: ", "from 1 to 32768"],
        ),
        (
            "[[services]]\nname = 'a'\nhold_down = 5",
            ["reg.toml:3:13: services[0].hold_down: ", "a duration from"],
        ),
        (
            "[[services]]\nname = 'a'\nhealth = { type = 'tcp', interval = '1ms' }",
            ["reg.toml:3:", "services[0].health.interval: "],
        ),
        ("service = []", ["reg.toml:1:1: service: ", "`services`"]),
    ] {
        let message = error(text);
        for part in expected {
            assert!(message.contains(part), "{text}\n{message}");
        }
    }
    assert!(Document::parse(b"\xff").is_err());
}

#[test]
fn duplicates_are_errors_at_their_second_place() {
    let message = error("[[services]]\nname = 'a'\n[[services]]\nname = 'a'\n");
    assert_eq!(message, "reg.toml:4:8: service a occurs twice");
    let message = error(
        "[[services]]\nname = 'a'\n[[services.backends]]\naddress = 'h:1'\n\
         [[services.backends]]\nid = 'h:1'\naddress = 'h:2'\n",
    );
    assert_eq!(
        message,
        "reg.toml:6:6: backend h:1 of service a occurs twice"
    );
}

#[test]
fn an_address_too_long_for_an_id_asks_for_one() {
    let host = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
    let backend =
        format!("[[services]]\nname='a'\n[[services.backends]]\naddress='{host}:50051'\n");
    assert!(error(&backend).contains("give the backend an id"));
    parse(&format!("{backend}id='x'"));
}
