use std::time::Duration;

use lookaside_core::{HealthCheck, Probe};
use tokio::time::{Instant, sleep};

use super::fleet::{Answer, World, addr, backends, usual};

fn grpc(service: &str) -> HealthCheck {
    HealthCheck::new(Probe::Grpc {
        service: service.into(),
        tls: false,
    })
}

#[tokio::test(start_paused = true)]
async fn another_question_begins_from_nothing() {
    let world = World::new();
    world.fleet.set(addr(0), Answer::NotServing);
    world.check(&grpc("orders.v1"), &backends(2));
    world.until_ejected(&[addr(0)]).await;
    world.check(&grpc("orders.v2"), &backends(2));
    let took = world.until_ejected(&[]).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    let changed_at = Instant::now();
    sleep(usual().interval).await;
    for (at, _, probe) in world.fleet.all_asked() {
        if at > changed_at {
            assert_eq!(probe, grpc("orders.v2").probe);
        }
    }
    world.until_ejected(&[addr(0)]).await;
}

#[tokio::test(start_paused = true)]
async fn another_pace_keeps_what_is_known() {
    let world = World::new();
    world.fleet.set(addr(0), Answer::NotServing);
    world.check(&usual(), &backends(2));
    world.until_ejected(&[addr(0)]).await;
    let faster = HealthCheck {
        interval: Duration::from_secs(1),
        dwell: Duration::ZERO,
        ..usual()
    };
    world.check(&faster, &backends(2));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.ejected().len(), 1);
    let asked = world.fleet.asked(addr(1)).len();
    sleep(Duration::from_secs(20)).await;
    let more = world.fleet.asked(addr(1)).len() - asked;
    assert!((17..=23).contains(&more), "{more}");
    world.fleet.set(addr(0), Answer::Well);
    let took = world.until_ejected(&[]).await;
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_the_last_question_is_none_to_this_one() {
    let world = World::new();
    let slow = HealthCheck {
        interval: Duration::from_secs(10),
        timeout: Duration::from_secs(10),
        eject_after: std::num::NonZeroU32::MIN,
        ..usual()
    };
    world.fleet.set(addr(0), Answer::Silence);
    world.check(&slow, &backends(1));
    while world.fleet.asked(addr(0)).is_empty() {
        sleep(Duration::from_millis(100)).await;
    }
    // Its failure is under way.
    let other = HealthCheck {
        interval: Duration::from_secs(600),
        timeout: Duration::from_secs(600),
        ..slow.clone()
    };
    world.fleet.set(addr(0), Answer::Well);
    world.check(&other, &backends(1));
    sleep(Duration::from_secs(30)).await;
    assert!(world.ejected().is_empty());
}
