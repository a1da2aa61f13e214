use std::{collections::BTreeMap, sync::Arc};

use lookaside_core::{Backend, BackendState, Service};
use tonic::Code;

use super::*;

const LIMITS: RegistrationLimits = RegistrationLimits {
    total: 0,
    per_second: 0,
    per_second_per_peer: 0,
    per_peer: 0,
    services: 0,
    per_service: 0,
};

const TTL: Duration = Duration::from_secs(10);

fn peer(last: u8) -> Option<IpAddr> {
    Some([10, 0, 0, last].into())
}

fn handle(n: u32) -> Handle {
    Handle::new(&n.to_be_bytes()).unwrap()
}

fn made(bounds: &Bounds, n: u32) {
    let made = Registered {
        handle: handle(n),
        ttl: TTL,
    };
    bounds.made(peer(1), &registration("orders", &n.to_string()), &made);
}

fn registration(service: &str, id: &str) -> Registration {
    Registration {
        service: service.parse().unwrap(),
        id: id.parse().unwrap(),
        address: "10.0.0.1:1".parse().unwrap(),
        weight: 1,
        zone: None,
        state: BackendState::Serving,
    }
}

async fn admit(bounds: &Bounds, peer: Option<IpAddr>) -> Result<(), Status> {
    bounds.admit(peer, &registration("orders", "a"), None).await
}

#[tokio::test(start_paused = true)]
async fn one_peer_has_its_share_of_registrations_and_no_more() {
    let bounds = Bounds::new(RegistrationLimits {
        per_peer: 3,
        ..LIMITS
    });
    for n in 0..3 {
        admit(&bounds, peer(1)).await.unwrap();
        made(&bounds, n);
    }
    let status = admit(&bounds, peer(1)).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("the limit is 3"), "{status}");
    admit(&bounds, peer(2)).await.unwrap();

    bounds.ended(peer(1), &handle(0));
    admit(&bounds, peer(1)).await.unwrap();
    made(&bounds, 3);
    admit(&bounds, peer(1)).await.unwrap_err();
    // What is renewed lives on; what is not makes room.
    tokio::time::advance(TTL / 2).await;
    bounds.renewed(peer(1), &handle(1), TTL);
    bounds.renewed(peer(1), &handle(99), TTL);
    tokio::time::advance(TTL / 2 + SWEPT).await;
    for n in [4, 5] {
        admit(&bounds, peer(1)).await.unwrap();
        made(&bounds, n);
    }
    admit(&bounds, peer(1)).await.unwrap_err();
}

const SWEPT: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_flood_from_one_peer_is_slowed_then_refused_and_others_are_not() {
    let bounds = Bounds::new(RegistrationLimits {
        per_second: 100,
        per_second_per_peer: 10,
        ..LIMITS
    });
    let began = Instant::now();
    let flood = (0..1000).map(|_| bounds.take_turn(peer(1), began));
    let turns: Vec<_> = flood.filter_map(Result::ok).collect();
    // A second's worth at once, and half a second's worth after a wait.
    assert_eq!(turns.len(), 15);
    assert!(turns.iter().all(|ready| *ready <= began + PATIENCE));
    assert_eq!(bounds.take_turn(peer(2), began).unwrap(), began);
    let all = (0..255).map(|n| bounds.take_turn(Some([10, 1, 0, n].into()), began));
    assert_eq!(all.filter(Result::is_ok).count(), 150 - 16);
}

#[tokio::test(start_paused = true)]
async fn addresses_that_one_host_can_make_up_are_one_peer() {
    let bounds = Bounds::new(RegistrationLimits {
        per_second_per_peer: 1,
        ..LIMITS
    });
    let address = |n: u16| Some(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, n]));
    let now = Instant::now();
    let passed = (0..100).filter(|n| bounds.take_turn(address(*n), now).is_ok());
    assert_eq!(passed.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_registers_again_and_again_is_one() {
    let bounds = Bounds::new(RegistrationLimits {
        per_peer: 2,
        ..LIMITS
    });
    for n in 0..10 {
        admit(&bounds, peer(1)).await.unwrap();
        let registered = Registered {
            handle: handle(n),
            ttl: TTL,
        };
        bounds.made(peer(1), &registration("orders", "a"), &registered);
    }
    // The first ones' handles are good for nothing.
    bounds.renewed(peer(1), &handle(0), TTL);
    bounds.ended(peer(1), &handle(1));
    made(&bounds, 10);
    admit(&bounds, peer(1)).await.unwrap_err();
    bounds.ended(peer(1), &handle(9));
    admit(&bounds, peer(1)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_nobody_counts_is_not_remembered() {
    let bounds = Bounds::new(LIMITS);
    admit(&bounds, peer(1)).await.unwrap();
    made(&bounds, 1);
    let now = Instant::now();
    let mut state = bounds.state();
    let counted = bounds.peer(&mut state, peer(1).unwrap(), now);
    assert_eq!(counted.unwrap().made.count(now), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_of_peers_is_bounded_and_more_of_them_are_served() {
    let bounds = Bounds::new(RegistrationLimits {
        per_second_per_peer: 1,
        ..LIMITS
    });
    let turn = |n: u32| {
        let peer = Some(IpAddr::from(n.to_be_bytes()));
        bounds.take_turn(peer, Instant::now())
    };
    let most = u32::try_from(MAX_PEERS).unwrap();
    for n in 0..most + 10 {
        turn(n).unwrap();
    }
    assert_eq!(bounds.state().peers.len(), MAX_PEERS);
    turn(0).unwrap_err();
    turn(most + 1).expect("nobody knows that it has come before");
    tokio::time::advance(Duration::from_secs(2)).await;
    turn(most + 1).unwrap();
    assert_eq!(
        bounds.state().peers.len(),
        1,
        "the quiet ones are forgotten"
    );
    turn(most + 1).unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn no_more_services_and_backends_than_are_allowed() {
    let bounds = Bounds::new(RegistrationLimits {
        services: 2,
        per_service: 1,
        ..LIMITS
    });
    let services = ["carts", "orders"].map(|name| (name.parse().unwrap(), Arc::default()));
    let mut snapshot = Snapshot {
        services: BTreeMap::from(services),
        ..Snapshot::default()
    };
    let admit = async |name: &str, id: &str, snapshot: &Snapshot| {
        let it = registration(name, id);
        bounds.admit(peer(1), &it, Some(snapshot)).await
    };
    admit("orders", "a", &snapshot).await.unwrap();
    let status = admit("third", "a", &snapshot).await.unwrap_err();
    assert_eq!(status.message(), "2 services have backends, the limit is 2");
    let backend = Backend {
        id: "a".parse().unwrap(),
        address: "10.0.0.1:1".parse().unwrap(),
        weight: 1,
        zone: None,
        state: BackendState::Serving,
        key: "orders/a".into(),
        revision: 1,
    };
    let full = Service {
        backends: vec![Arc::new(backend)],
        problems: Vec::new(),
    };
    snapshot
        .services
        .insert("orders".parse().unwrap(), Arc::new(full));
    snapshot.revision = 7;
    let status = admit("orders", "b", &snapshot).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("service orders"), "{status}");
    admit("orders", "a", &snapshot)
        .await
        .expect("one that comes back");
    admit("carts", "a", &snapshot).await.unwrap();

    let full = Bounds::new(RegistrationLimits { total: 1, ..LIMITS });
    let status = full
        .admit(peer(1), &registration("carts", "a"), Some(&snapshot))
        .await;
    assert_eq!(
        status.unwrap_err().message(),
        "1 backends are registered, the limit is 1"
    );
}
