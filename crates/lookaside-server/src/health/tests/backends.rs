use std::{net::SocketAddr, sync::Arc, time::Duration};

use lookaside_core::{Backend, BackendState, ResolvedBackend};
use tokio::time::sleep;

use super::fleet::{Answer, World, addr, backend, backends, usual};

/// As after it was registered again: equal, but not the same.
fn again((backend, addrs): &ResolvedBackend) -> ResolvedBackend {
    let mut backend = Backend::clone(backend);
    backend.revision += 1;
    (Arc::new(backend), addrs.to_vec().into())
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_checked_nobody_is_asked() {
    let world = World::new();
    sleep(Duration::from_secs(24 * 60 * 60)).await;
    assert!(world.fleet.all_asked().is_empty());
    world.check(&usual(), &backends(3));
    world.fleet.set(addr(0), Answer::Silence);
    world.until_ejected(&[addr(0)]).await;
    world.stop();
    world.until_ejected(&[]).await;
    let asked = world.fleet.all_asked().len();
    sleep(Duration::from_secs(24 * 60 * 60)).await;
    assert_eq!(world.fleet.all_asked().len(), asked);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_leaves_is_forgotten() {
    let world = World::new();
    let mut all = backends(3);
    world.fleet.set(addr(1), Answer::Silence);
    world.check(&usual(), &all);
    world.until_ejected(&[addr(1)]).await;
    let gone = all.remove(1);
    world.check(&usual(), &all);
    world.until_ejected(&[]).await;
    let asked = world.fleet.asked(addr(1)).len();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(world.fleet.asked(addr(1)).len(), asked);
    // Back again, nothing is known against it.
    all.insert(1, again(&gone));
    world.check(&usual(), &all);
    sleep(usual().interval).await;
    assert!(world.ejected().is_empty());
    world.until_ejected(&[addr(1)]).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_registers_again_keeps_its_ejection_where_it_is_the_same() {
    let world = World::new();
    let mut all = backends(3);
    world.fleet.set(addr(1), Answer::Silence);
    world.check(&usual(), &all);
    world.until_ejected(&[addr(1)]).await;
    all[1] = again(&all[1]);
    world.check(&usual(), &all);
    sleep(usual().interval).await;
    assert_eq!(world.ejected().len(), 1);
    // At another address it is another one.
    all[1] = backend("b0001", &[addr(9)]);
    world.check(&usual(), &all);
    world.until_ejected(&[]).await;
    // And so is another one at the same address.
    all[1] = backend("other", &[addr(1)]);
    all.sort_by(|one, other| one.0.id.cmp(&other.0.id));
    world.check(&usual(), &all);
    sleep(usual().interval).await;
    assert!(world.ejected().is_empty());
    world.until_ejected(&[addr(1)]).await;
}

#[tokio::test(start_paused = true)]
async fn of_a_backend_with_several_addresses_those_that_are_not_well_are_ejected() {
    let world = World::new();
    let addrs: Vec<SocketAddr> = (1..=3).map(addr).collect();
    world.fleet.set(addr(2), Answer::Silence);
    world.check(&usual(), &[backend("name", &addrs)]);
    world.until_ejected(&[addr(2)]).await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!(world.ejected().len(), 1);
    // Its name resolves to one more and to one less.
    let addrs = [addr(2), addr(3), addr(4)];
    world.check(&usual(), &[backend("name", &addrs)]);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(world.ejected().len(), 1);
    assert!(!world.fleet.asked(addr(4)).is_empty());
    let asked = world.fleet.asked(addr(1)).len();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(world.fleet.asked(addr(1)).len(), asked);
}

#[tokio::test(start_paused = true)]
async fn one_that_drains_is_known_when_it_comes_back() {
    let world = World::new();
    let mut all = backends(2);
    world.check(&usual(), &all);
    Arc::make_mut(&mut all[1].0).state = BackendState::Draining;
    Arc::make_mut(&mut all[0].0).weight = 0;
    world.fleet.set(addr(0), Answer::Silence);
    world.fleet.set(addr(1), Answer::Silence);
    world.check(&usual(), &all);
    world.until_ejected(&[addr(0), addr(1)]).await;
}
