use lookaside_core::{HostPort, Place};
use lookaside_registry::names::{NameStatus, Names};

use super::*;

fn host(text: &str) -> Override {
    Override::Cordon(Place::host(text).unwrap())
}

fn zone(text: &str) -> Override {
    Override::Cordon(Place::zone(text).unwrap())
}

/// Backends of these ids, at these addresses, in these zones.
fn at(backends: &[(&str, &str, Option<&str>)]) -> Arc<Service> {
    let backend = |&(id, address, zone): &(&str, &str, Option<&str>)| {
        Arc::new(Backend {
            id: BackendId::new(id).unwrap(),
            address: address.parse::<HostPort>().unwrap(),
            weight: 1,
            zone: zone.map(Into::into),
            state: BackendState::Serving,
            key: "k".into(),
            revision: 1,
        })
    };
    Arc::new(Service {
        backends: backends.iter().map(backend).collect(),
        problems: Vec::new(),
    })
}

impl Fixture {
    /// What stands, of all services.
    fn cordon(&mut self, orders: impl IntoIterator<Item = Override>) -> &mut Self {
        self.set_overrides("**", orders);
        self.after(QUIET)
    }

    fn states(&self, text: &str) -> Vec<&'static str> {
        let published = self.published(text).unwrap();
        published
            .standings
            .iter()
            .map(|it| it.state.as_str())
            .collect()
    }
}

#[test]
fn a_cordon_keeps_calls_from_all_services_at_its_place_and_ends_without_a_trace() {
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    let orders = [("a", "10.0.0.5:1", None), ("b", "10.0.0.6:1", Some("z"))];
    fixture.set("orders", Some(at(&orders)));
    fixture.set("billing", Some(at(&[("x", "10.0.0.5:2", None)])));
    fixture.set("other", Some(at(&[("y", "10.0.0.7:2", None)])));
    let before = [fixture.version("orders"), fixture.version("other")];

    fixture.cordon([host("10.0.0.5")]);
    assert_eq!(fixture.states("orders"), ["cordoned", "serving"]);
    assert_eq!(fixture.slots("orders"), 1);
    assert_eq!(fixture.states("billing"), ["cordoned"]);
    let billing = fixture.published("billing").unwrap();
    assert!(
        matches!(*billing.plan, Plan::Fallback(_)),
        "as on_empty says"
    );
    assert!(
        billing
            .reason
            .as_deref()
            .unwrap()
            .contains("1 draining or cordoned")
    );
    assert_eq!(
        fixture.version("other"),
        before[1],
        "nobody there gets anything"
    );
    assert!(fixture.published("**").is_none(), "it is no service");
    assert!(fixture.table.get(&ServiceName::all()).is_none());

    // One that registers there later.
    let more = [orders[0], orders[1], ("c", "10.0.0.5:9", Some("z"))];
    fixture.set("orders", Some(at(&more))).after(QUIET);
    assert_eq!(
        fixture.states("orders"),
        ["cordoned", "serving", "cordoned"]
    );
    fixture.cordon([host("10.0.0.5"), zone("z")]);
    assert_eq!(fixture.states("orders"), ["cordoned"; 3]);

    fixture.cordon([]);
    assert_eq!(fixture.states("orders"), ["serving"; 3]);
    assert_eq!(fixture.slots("orders"), 3);
    assert!(fixture.published("orders").unwrap().cordoned.is_empty());
}

#[test]
fn a_drain_stands_beside_a_cordon_and_after_it() {
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    let backends = [("a", "10.0.0.5:1", None), ("b", "10.0.0.6:1", None)];
    fixture.set("orders", Some(at(&backends)));
    fixture.cordon([host("10.0.0.5")]);
    let a = BackendId::new("a").unwrap();
    fixture.set_overrides("orders", [Override::Drain(a)]);
    fixture.after(QUIET);
    assert_eq!(fixture.states("orders"), ["drained", "serving"]);
    fixture.cordon([]);
    assert_eq!(fixture.states("orders"), ["drained", "serving"]);
    fixture.set_overrides("orders", []);
    fixture.after(QUIET);
    assert_eq!(fixture.states("orders"), ["serving", "serving"]);
}

#[test]
fn of_a_name_only_the_addresses_at_the_place_get_no_calls() {
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    let backends = [("a", "node.example:1", None), ("b", "10.0.0.9:1", None)];
    fixture.set("orders", Some(at(&backends)));
    let resolved = |addresses: &[&str]| {
        let addresses = addresses.iter().map(|it| it.parse().unwrap()).collect();
        let status = NameStatus {
            addresses,
            failure: None,
        };
        let names: Names = [("node.example".into(), status)].into_iter().collect();
        Arc::new(names)
    };
    let now = fixture.now();
    fixture
        .services
        .resolve(resolved(&["10.0.0.5", "10.0.0.6"]), now);
    fixture.after(QUIET);
    let addresses = |fixture: &Fixture| {
        let published = fixture.published("orders").unwrap();
        published.backends[0]
            .1
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(addresses(&fixture), ["10.0.0.5:1", "10.0.0.6:1"]);

    fixture.cordon([host("10.0.0.5")]);
    assert_eq!(addresses(&fixture), ["10.0.0.6:1"]);
    assert_eq!(fixture.states("orders"), ["serving", "serving"]);
    let cordoned = &fixture.published("orders").unwrap().cordoned;
    assert_eq!(cordoned[0].elsewhere, 1);

    // It moves there altogether.
    let now = fixture.now();
    fixture.services.resolve(resolved(&["10.0.0.5"]), now);
    fixture.after(QUIET);
    assert_eq!(fixture.states("orders"), ["cordoned", "serving"]);
    fixture.cordon([host("NODE.example.")]);
    assert_eq!(fixture.states("orders"), ["cordoned", "serving"]);
    fixture.cordon([]);
    assert_eq!(fixture.states("orders"), ["serving", "serving"]);
    assert_eq!(addresses(&fixture), ["10.0.0.5:1"]);
}

#[test]
fn a_key_of_all_services_that_cannot_be_read_is_shown_under_their_name() {
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    let problem = Problem {
        key: "lookaside/overrides/**/cordon-host/x".into(),
        reason: "no JSON".into(),
        revision: 7,
    };
    let overrides = ServiceOverrides::new([], vec![problem]);
    let mut snapshot = (**fixture.state.overrides.as_ref().unwrap()).clone();
    snapshot
        .services
        .insert(ServiceName::all(), Arc::new(overrides));
    fixture.state.overrides = Some(Arc::new(snapshot));
    let now = fixture.now();
    fixture.services.observe(&fixture.state, now);
    let shown = fixture.published("**").unwrap();
    assert_eq!(shown.overrides.problems.len(), 1);
}
