//! What happens to calls when members of a three-member etcd fail.

use std::collections::BTreeSet;

use anyhow::Result;
use lookaside_tests::{
    Backend, Balancer, Cluster, Probe, eventually, inspect, poll::check, process::PATIENCE,
};

const SERVICE: &str = "orders";

/// Two backends and a balancer over three members, and a client that has been calling
/// for a second without an error.
struct Scene {
    cluster: Cluster,
    balancer: Balancer,
    probe: Probe,
    backends: Vec<Backend>,
}

impl Scene {
    async fn start() -> Self {
        let cluster = Cluster::start().await;
        let mut backends = Vec::new();
        for name in ["a", "b"] {
            backends.push(Backend::registered(name, SERVICE, 1, &cluster.url()).await);
        }
        let balancer = Balancer::on(&cluster.url()).await;
        let probe = Probe::start(
            SERVICE,
            &[balancer.addr],
            &["--qps", "200", "--wait-for-ready"],
        );
        probe
            .until("a good second", 0, |second| {
                second.mode == "balancer" && second.ok.len() >= 2 && second.err.is_empty()
            })
            .await;
        Self {
            cluster,
            balancer,
            probe,
            backends,
        }
    }

    /// Registers another backend, and waits until the client calls it.
    async fn grow(&mut self, name: &str) {
        let url = self.cluster.url();
        let backend = Backend::registered(name, SERVICE, 1, &url).await;
        self.backends.push(backend);
        let since = self.probe.seconds().len();
        let called = |who: &String| who.split('|').next() == Some(name);
        self.probe
            .until(name, since, |second| second.ok.keys().any(called))
            .await;
    }

    /// Waits until the balancer says that what it knows of etcd is of such an age.
    async fn until_age(&self, what: &str, wanted: impl Fn(f64) -> bool) {
        eventually(what, PATIENCE, async || {
            let (_, metrics) = lookaside_tests::http::get(self.balancer.admin, "/metrics")
                .await
                .map_err(|error| error.to_string())?;
            let age = metrics
                .lines()
                .find_map(|line| line.strip_prefix("lookaside_registry_age_seconds "))
                .and_then(|age| age.parse().ok());
            check(age.is_some_and(&wanted), format!("{age:?}"))
        })
        .await;
    }

    async fn no_call_failed(self) {
        let total = self.probe.stop().await;
        assert_eq!(total.failed(), 0, "{total:?}");
        assert!(total.succeeded() > 400, "{total:?}");
    }
}

#[tokio::test]
async fn the_death_of_the_leader_fails_no_call_and_changes_go_on() -> Result<()> {
    let mut scene = Scene::start().await;
    let leader = scene.cluster.leader().await;
    scene.cluster.kill(leader);
    scene.grow("c").await;
    scene.cluster.run(leader).await;
    scene.grow("d").await;
    scene.no_call_failed().await;
    Ok(())
}

#[tokio::test]
async fn a_rolling_restart_of_the_members_fails_no_call() -> Result<()> {
    let mut scene = Scene::start().await;
    for member in 0..3 {
        scene.cluster.kill(member);
        scene.cluster.run(member).await;
    }
    scene.grow("c").await;
    scene.no_call_failed().await;
    Ok(())
}

#[tokio::test]
async fn members_that_freeze_fail_no_call_and_changes_go_on() -> Result<()> {
    let mut scene = Scene::start().await;
    for (member, name) in [(0, "c"), (1, "d"), (2, "e")] {
        scene.cluster.members[member].pause();
        scene.grow(name).await;
        scene.cluster.members[member].resume();
        scene.cluster.ready(member).await;
    }
    scene.no_call_failed().await;
    Ok(())
}

#[tokio::test]
async fn members_cut_off_from_the_others_fail_no_call_and_changes_go_on() -> Result<()> {
    let mut scene = Scene::start().await;
    for (member, name) in [(0, "c"), (1, "d"), (2, "e")] {
        scene.cluster.cut_off(member).await;
        scene.grow(name).await;
        scene.cluster.heal();
        scene.cluster.ready(member).await;
    }
    scene.no_call_failed().await;
    Ok(())
}

#[tokio::test]
async fn the_loss_of_the_quorum_fails_no_call_and_its_return_brings_what_was_missed() -> Result<()>
{
    let mut scene = Scene::start().await;
    scene.cluster.kill(0);
    scene.cluster.kill(1);
    // Quiet and well, it is never older than that.
    scene.until_age("it ages", |age| age > 6.0).await;
    let service = inspect::service(scene.balancer.addr, SERVICE).await?;
    assert_eq!(service.streams, 1, "the list stands");
    scene.cluster.spawn(0);
    scene.cluster.run(1).await;
    scene.until_age("it is young again", |age| age < 5.0).await;
    scene.grow("c").await;
    scene.no_call_failed().await;
    Ok(())
}

#[tokio::test]
async fn a_cluster_restored_from_an_older_backup_fails_no_call() -> Result<()> {
    let mut scene = Scene::start().await;
    scene.cluster.back_up().await;
    // More than is written after the restore: within 7 s, a cluster that has overtaken
    // what was applied cannot be told from one that was only away (docs/etcd.md).
    let mut keys = scene.cluster.keys().await;
    for n in 0..100 {
        keys.put("elsewhere", &n.to_string()).await;
    }
    scene.grow("c").await;
    scene.cluster.kill_all();
    scene.cluster.put_back();
    scene.cluster.run_all().await;
    // It puts itself back, and whoever comes next is seen as well.
    let since = scene.probe.seconds().len();
    scene.grow("d").await;
    let all = |second: &lookaside_tests::Second| {
        let names = second.ok.keys().map(|who| who.split('|').next());
        let names: BTreeSet<_> = names.collect();
        names.len() == 4
    };
    scene.probe.until("all four", since, all).await;
    scene.no_call_failed().await;
    Ok(())
}
