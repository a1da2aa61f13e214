use super::*;

fn error(builder: Builder) -> String {
    builder.build().unwrap_err().to_string()
}

fn orders() -> Builder {
    Channel::builder("orders")
}

#[tokio::test]
async fn every_bad_setting_is_named() {
    let cases = [
        (
            Channel::builder("").balancers(["10.0.0.1:1"]),
            "target: service name is empty",
        ),
        (
            orders(),
            "target \"orders\" has neither balancers nor addresses: give the builder at least \
             one, or a target that says where they are, as in HOST:PORT or dns:///HOST:PORT",
        ),
        (
            Channel::builder("passthrough:///a:1").addresses(["10.0.0.1:1"]),
            "target \"passthrough:///a:1\" and addresses, balancers or a resolver exclude each \
             other: with these, the target is a service's name",
        ),
        (
            Channel::builder("grpclb:///orders").fallback(["10.0.0.1:1"]),
            "target \"grpclb:///orders\": give the builder its balancers",
        ),
        (
            Channel::builder("grpclb:///").balancers(["10.0.0.1:1"]),
            "target \"grpclb:///\": there is no endpoint: expected grpclb:///SERVICE",
        ),
        (
            orders().fallback(["10.0.0.1:1"]),
            "fallback addresses without a balancer: give plain addresses with `addresses`",
        ),
        (
            orders().balancers(["10.0.0.1"]),
            "balancer: address \"10.0.0.1\" is not HOST:PORT (an IPv6 address goes in brackets: \
             [::1]:50051)",
        ),
        (
            orders().balancers(["10.0.0.1:1"]).fallback(["0.0.0.0:1"]),
            "fallback address: address \"0.0.0.0:1\" cannot be dialled: it needs a concrete host \
             and a port above 0",
        ),
        (
            orders().addresses(["a:99999"]),
            "backend address: address \"a:99999\": \"99999\" is not a port number",
        ),
        (
            orders().addresses(["10.0.0.1:1"]).user_agent("a\nb"),
            "user agent \"a\\nb\" is not printable ASCII",
        ),
        (
            orders().addresses(["10.0.0.1:1"]).authority("a b"),
            "authority \"a b\" is not HOST or HOST:PORT",
        ),
        (
            orders()
                .addresses(["10.0.0.1:1"])
                .connect_timeout(Duration::ZERO),
            "connect timeout is 0ns, it must be above zero",
        ),
        (
            orders()
                .balancers(["10.0.0.1:1"])
                .min_report_interval(Duration::ZERO),
            "report interval is 0ns, it must be above zero",
        ),
    ];
    for (builder, expected) in cases {
        assert_eq!(error(builder), expected);
    }
    let both = orders().addresses(["10.0.0.1:1"]).balancers(["10.0.0.1:1"]);
    assert_eq!(both.build().unwrap_err(), BuildError::AddressesAndBalancers);
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let built = orders().addresses(["10.0.0.1:1"]).build();
    assert_eq!(built.unwrap_err(), BuildError::NoRuntime);
}

#[test]
fn any_service_name_makes_an_authority() {
    for (target, expected) in [
        ("orders", "orders"),
        ("orders.internal:443", "orders.internal:443"),
        ("team/orders", "team-orders"),
        ("naïve", "na-ve"),
    ] {
        let authority = authority::choose(None, target).unwrap();
        assert_eq!(authority.as_str(), expected);
    }
}
