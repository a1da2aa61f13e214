//! Members of a cluster of three fail.

use std::{sync::Arc, time::Duration};

use lookaside_registry::Freshness;

use crate::{
    scene::{Load, Scene},
    support::{backends, is_stale, is_synced},
};

#[tokio::test]
async fn a_killed_leader_costs_no_change() {
    let mut scene = Scene::start().await;
    let mut load = Load::on(&scene.cluster);
    for _ in 0..2 {
        let leader = scene.cluster.leader().await;
        scene.cluster.kill(leader);
        let next = scene.cluster.leader().await;
        assert_ne!(next, leader);
        load.goes_on(50).await;
        scene.until_true_under_load().await;
        scene.cluster.run(leader).await;
    }
    load.stop().await;
    assert!(scene.ends_true().await.states > 50);
}

#[tokio::test]
async fn a_restart_of_one_member_after_the_other_costs_no_change() {
    let mut scene = Scene::start().await;
    let mut load = Load::on(&scene.cluster);
    for member in 0..3 {
        load.goes_on(50).await;
        scene.cluster.kill(member);
        scene.cluster.run(member).await;
    }
    load.goes_on(50).await;
    load.stop().await;
    assert!(scene.ends_true().await.states > 50);
}

#[tokio::test]
async fn a_member_that_freezes_is_left_for_another() {
    let mut scene = Scene::start().await;
    for member in 0..3 {
        scene.cluster.members[member].pause();
        scene.change().await;
        scene.until_true().await;
        scene.cluster.members[member].resume();
    }
    scene.ends_true().await;
}

#[tokio::test]
async fn a_member_cut_off_from_the_others_is_left_for_another() {
    let mut scene = Scene::start().await;
    for member in 0..3 {
        scene.cluster.cut_off(member).await;
        let other = (member + 1) % 3;
        scene.cluster.ready(other).await;
        scene.change_through(other).await;
        scene.until_true_through(other).await;
        scene.cluster.heal();
        scene.cluster.ready(member).await;
    }
    scene.ends_true().await;
}

#[tokio::test]
async fn without_a_quorum_the_last_state_stands_and_ages() {
    let mut scene = Scene::start().await;
    let before = scene.until_true().await;
    scene.cluster.kill(0);
    scene.cluster.kill(1);
    let stale = scene.followed.until("stale", |it| is_stale(it)).await;
    let as_of = |it: &Freshness| match it {
        Freshness::Stale { as_of, .. } | Freshness::Synced { as_of } => *as_of,
        Freshness::Connecting { .. } => panic!("something had been read"),
    };
    let last_proof = as_of(&stale.freshness);
    // The one that is left answers nothing that counts as proof.
    let never = scene.followed.states.wait_for(|it| !is_stale(it));
    assert!(
        tokio::time::timeout(Duration::from_secs(2), never)
            .await
            .is_err()
    );
    let still = Arc::clone(&*scene.followed.states.borrow());
    assert_eq!(as_of(&still.freshness), last_proof, "it ages");
    let (one, other) = (backends(&before), backends(&still));
    assert!(Arc::ptr_eq(one, other), "nothing was published");
    scene.cluster.spawn(0);
    scene.cluster.run(1).await;
    scene.followed.until("synced", |it| is_synced(it)).await;
    assert!(scene.ends_true().await.stale);
}
