//! The network between a balancer and a cluster of three fails.

use std::{collections::BTreeSet, time::Duration};

use lookaside_tests::proxy::Mode;
use tokio::{sync::watch, time::timeout};

use crate::{
    scene::{Load, Scene},
    support::{PATIENCE, is_stale},
};

/// All ways to lose bytes without a word.
const SILENT: [Mode; 3] = [Mode::SwallowUp, Mode::SwallowDown, Mode::Hold];

#[tokio::test]
async fn a_link_that_loses_bytes_either_way_is_left_for_another() {
    let mut scene = Scene::behind_proxies().await;
    for mode in SILENT {
        for member in 0..3 {
            scene.proxies[member].set(mode);
            scene.change().await;
            scene.until_true().await;
            // What was held comes late, and is of no use any more.
            scene.proxies[member].set(Mode::Forward);
        }
    }
    scene.ends_true().await;
}

#[tokio::test]
async fn a_network_that_loses_everything_for_a_while_costs_no_change() {
    let mut scene = Scene::behind_proxies().await;
    let mut load = Load::on(&scene.cluster);
    for mode in SILENT.into_iter().chain([Mode::Refuse]) {
        scene.set(mode);
        // What etcd sends still comes if only what we send is lost.
        if mode != Mode::SwallowUp {
            scene.followed.until("stale", |it| is_stale(it)).await;
        }
        load.goes_on(20).await;
        scene.set(Mode::Forward);
        scene.until_true_under_load().await;
    }
    load.stop().await;
    assert!(scene.ends_true().await.stale);
}

#[tokio::test]
async fn a_compaction_while_the_watch_is_held_up_is_followed_by_a_list() {
    let mut scene = Scene::behind_proxies().await;
    for mode in [Mode::Hold, Mode::Refuse] {
        scene.set(mode);
        for _ in 0..5 {
            scene.change().await;
        }
        let newest = scene.record().await;
        scene.cluster.keys().await.compact_to(newest).await;
        scene.cluster.defragment().await;
        scene.set(Mode::Forward);
        scene.until_true().await;
    }
    scene.ends_true().await;
}

#[tokio::test]
async fn connections_that_break_all_the_time_never_show_a_wrong_state() {
    let mut scene = Scene::behind_proxies().await;
    let mut load = Load::on(&scene.cluster);
    let mut rng = fastrand::Rng::with_seed(3);
    let (proxies, states) = (&scene.proxies, &mut scene.followed.states);
    let (news, mut seen) = watch::channel(BTreeSet::new());
    let breaking = async {
        // Where nothing comes through the pauses grow: how long a connection must live
        // for that is up to the machine.
        let mut longest = 60;
        loop {
            proxies[rng.usize(..3)].cut();
            let pause = Duration::from_millis(rng.u64(..longest));
            match timeout(pause, states.changed()).await {
                Ok(changed) => {
                    changed.unwrap();
                    let state = states.borrow_and_update();
                    let revision = state.backends.as_ref().map(|it| it.revision);
                    news.send_if_modified(|it| it.insert(revision));
                }
                Err(_) => longest += 1,
            }
        }
    };
    let enough = async {
        load.goes_on(150).await;
        let seen = timeout(PATIENCE, seen.wait_for(|it| it.len() > 6)).await;
        drop(
            seen.expect("news comes through between the breaks")
                .unwrap(),
        );
    };
    tokio::select! {
        () = breaking => {}
        () = enough => {}
    }
    load.stop().await;
    assert!(scene.ends_true().await.states > 5);
}

#[tokio::test]
async fn one_address_for_all_members_never_leads_back_in_time() {
    // As behind a load balancer or a DNS name: each connection may meet another
    // member, and one of them lags, cut off from the others.
    let mut scene = Scene::behind_proxies().await;
    let members = scene.cluster.endpoints();
    let lagging = scene.cluster.follower().await;
    let up = (lagging + 1) % 3;
    for turn in 0..6 {
        if turn == 2 {
            scene.cluster.cut_off(lagging).await;
            scene.cluster.ready(up).await;
        }
        for proxy in &scene.proxies {
            proxy.lead_to(members[(lagging + turn) % 3]);
            proxy.cut();
        }
        scene.change_through(up).await;
        if turn == 4 {
            scene.cluster.heal();
        }
    }
    for proxy in &scene.proxies {
        proxy.lead_to(members[up]);
        proxy.cut();
    }
    scene.until_true_through(up).await;
    scene.ends_true().await;
}
