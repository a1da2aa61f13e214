use lookaside_core::BackendState;

use super::*;

pub(super) fn service(addresses: &[&str]) -> Service {
    let backends = addresses.iter().map(|address| {
        Arc::new(Backend {
            id: address.parse().unwrap(),
            address: address.parse().unwrap(),
            weight: 100,
            zone: None,
            state: BackendState::Serving,
            key: "k".into(),
            revision: 1,
        })
    });
    Service {
        backends: backends.collect(),
        problems: Vec::new(),
    }
}

fn names(known: &[(&str, &[&str])]) -> Names {
    let hosts = known.iter().map(|(host, addresses)| {
        let status = NameStatus {
            addresses: addresses.iter().map(|it| it.parse().unwrap()).collect(),
            failure: None,
        };
        (Arc::from(*host), Arc::new(status))
    });
    Names {
        hosts: hosts.collect(),
    }
}

#[test]
fn a_backend_has_all_addresses_of_its_host_at_its_own_port() {
    let names = names(&[("h", &["10.0.0.1", "::1"]), ("empty", &[])]);
    let service = service(&["10.9.9.9:1", "h:2", "empty:3", "unknown:4"]);
    let dialled = |index: usize| {
        let addresses = names.addresses(&service.backends[index]);
        addresses
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(dialled(0), ["10.9.9.9:1"]);
    assert_eq!(dialled(1), ["10.0.0.1:2", "[::1]:2"]);
    assert!(dialled(2).is_empty() && dialled(3).is_empty());
}

#[test]
fn a_service_is_covered_once_each_of_its_names_has_been_tried() {
    let names = names(&[("h", &["10.0.0.1"]), ("failed", &[])]);
    assert!(names.covers(&service(&[])));
    assert!(names.covers(&service(&["10.0.0.1:1", "[::1]:1"])));
    assert!(names.covers(&service(&["h:1", "h:2", "failed:1"])));
    assert!(!names.covers(&service(&["h:1", "other:1"])));
}
