use super::*;
use crate::{ResolverUpdate, resolver::fixed::FixedBuilder};

/// What a target comes to: its authority, or what is wrong with it.
fn resolver(text: &str) -> Result<String, String> {
    let registry = ResolverRegistry::new();
    let target = registry.target(text).map_err(|error| error.to_string())?;
    let target = target.ok_or("no URI")?;
    let found = registry.resolver(&target);
    let found = found.map_err(|error| error.to_string())?;
    Ok(found.authority.map(String::from).unwrap_or_default())
}

#[test]
fn every_scheme_says_by_which_name_its_peers_are_called() {
    let cases = [
        (
            "passthrough:///orders.internal:50051",
            "orders.internal:50051",
        ),
        ("PassThrough:///[::1]:50051", "[::1]:50051"),
        ("static:///10.0.0.1:1,10.0.0.2:1", "10.0.0.1:1"),
        ("unix:///run/orders.sock", "localhost"),
        ("unix:run/orders.sock", "localhost"),
        #[cfg(feature = "dns")]
        ("dns:///orders.internal:50051", "orders.internal:50051"),
        #[cfg(feature = "dns")]
        ("dns:orders.internal.:50051", "orders.internal:50051"),
        #[cfg(feature = "dns")]
        ("dns:///orders", "orders"),
        #[cfg(feature = "dns")]
        ("dns:///::1", "[::1]"),
        #[cfg(feature = "dns")]
        ("dns:///[::1]", "[::1]"),
        #[cfg(feature = "dns")]
        ("dns:///10.0.0.1", "10.0.0.1"),
        #[cfg(feature = "file")]
        ("file:///etc/shop/orders.txt", "orders"),
        #[cfg(feature = "srv")]
        ("dns://10.0.0.53/orders", "orders"),
        #[cfg(feature = "srv")]
        ("dns://[::1]:5353/orders:1", "orders:1"),
    ];
    for (target, authority) in cases {
        assert_eq!(resolver(target).as_deref(), Ok(authority), "{target}");
    }
}

#[test]
fn a_target_that_its_scheme_does_not_take_is_an_error_that_names_both() {
    let cases = [
        (
            "passthrough:///orders",
            "target \"passthrough:///orders\": address \"orders\" is not HOST:PORT (an IPv6 \
             address goes in brackets: [::1]:50051)",
        ),
        (
            "static:///10.0.0.1:1,",
            "target \"static:///10.0.0.1:1,\": address \"\" is not HOST:PORT (an IPv6 address \
             goes in brackets: [::1]:50051)",
        ),
        (
            "unix:",
            "target \"unix:\": there is no endpoint: expected unix:///ABSOLUTE/PATH",
        ),
        (
            "unix://run/orders.sock",
            "target \"unix://run/orders.sock\": the scheme takes no authority, but there is \
             \"run\": expected unix:///ABSOLUTE/PATH",
        ),
        #[cfg(feature = "dns")]
        (
            "dns:///orders:0",
            "target \"dns:///orders:0\": address \"orders:0\" cannot be dialled: it needs a \
             concrete host and a port above 0",
        ),
        #[cfg(feature = "srv")]
        (
            "dns://ns1/orders",
            "target \"dns://ns1/orders\": name server \"ns1\" is not IP or IP:PORT: expected \
             dns://IP:PORT/HOST:PORT",
        ),
        #[cfg(all(feature = "dns", not(feature = "srv")))]
        (
            "dns://10.0.0.53/orders",
            "target \"dns://10.0.0.53/orders\": a name server (\"10.0.0.53\") needs feature \
             \"srv\" of lookaside-client",
        ),
        #[cfg(feature = "dns")]
        (
            "dns:///",
            "target \"dns:///\": there is no endpoint: expected dns:///HOST[:PORT]",
        ),
    ];
    for (target, error) in cases {
        assert_eq!(resolver(target).unwrap_err(), error);
    }
}

#[test]
fn an_unknown_scheme_names_the_known_ones() {
    let registry = ResolverRegistry::empty()
        .register(Own("one"))
        .register(Own("two"));
    let error = registry.target("xds:///orders").unwrap_err();
    assert_eq!(
        error.to_string(),
        "target \"xds:///orders\": unknown scheme \"xds\", expected one of: one, two, grpclb"
    );
    #[cfg(not(feature = "file"))]
    {
        let error = ResolverRegistry::new().target("file:///etc/orders");
        assert_eq!(
            error.unwrap_err().to_string(),
            "target \"file:///etc/orders\": scheme \"file\" needs feature \"file\" of \
             lookaside-client"
        );
    }
    // These may be names of services.
    for text in ["team:orders", "orders", "orders:443", "dns:53"] {
        assert_eq!(registry.target(text), Ok(None), "{text}");
    }
}

#[test]
fn a_scheme_takes_the_place_of_one_that_has_its_name() {
    let registry = ResolverRegistry::new().register(Own("static"));
    let target = registry.target("static:///anything").unwrap().unwrap();
    let found = registry.resolver(&target).unwrap();
    assert_eq!(found.authority.as_deref(), Some("own"));
    let names = registry.names().filter(|name| *name == "static");
    assert_eq!(names.count(), 1);
}

#[derive(Debug)]
struct Own(&'static str);

impl Scheme for Own {
    fn name(&self) -> &str {
        self.0
    }

    fn resolver(&self, _: &Target) -> Result<TargetResolver, TargetError> {
        let update = ResolverUpdate::new([]);
        Ok(TargetResolver::new(FixedBuilder(update)).with_authority("own"))
    }
}
