//! Backends that vanish from etcd together, under load: rule 4 of `docs/lists.md`.
#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::time::{Duration, Instant};

use anyhow::Result;
use etcd_client::{Txn, TxnOp};
use lookaside_tests::{
    Backend, Balancer, Etcd, Probe, StateDir, eventually, http,
    inspect::service,
    poll::check,
    wire::{Stream, counts},
};
use serde_json::json;
use tokio::time::timeout;

const SERVICE: &str = "orders";
const BOUND: Duration = Duration::from_secs(20);

/// Six running backends whose keys a test writes itself.
struct Fleet {
    etcd: Etcd,
    backends: Vec<Backend>,
}

impl Fleet {
    async fn start() -> Self {
        let etcd = Etcd::start().await;
        let mut backends = Vec::new();
        for name in ["a", "b", "c", "d", "e", "f"] {
            backends.push(Backend::start(name).await);
        }
        let fleet = Self { etcd, backends };
        fleet.register(&fleet.names()).await;
        fleet
    }

    fn names(&self) -> Vec<&str> {
        self.backends.iter().map(|it| it.name.as_str()).collect()
    }

    fn value(&self, name: &str, state: &str) -> String {
        let backend = self.backends.iter().find(|it| it.name == name);
        let addr = backend.expect("one of the six").addr.to_string();
        json!({ "Addr": addr, "Metadata": { "weight": 100, "state": state } }).to_string()
    }

    /// All in one revision.
    async fn write(&self, names: &[&str], op: impl Fn(String, &str) -> TxnOp) {
        let key = |name: &str| format!("services/{SERVICE}/{name}");
        let ops: Vec<_> = names.iter().map(|name| op(key(name), name)).collect();
        let mut client = self.etcd.client().await;
        client.txn(Txn::new().and_then(ops)).await.expect("a txn");
    }

    async fn register(&self, names: &[&str]) {
        self.write(names, |key, name| {
            TxnOp::put(key, self.value(name, "serving"), None)
        })
        .await;
    }

    async fn announce_drain(&self, names: &[&str]) {
        self.write(names, |key, name| {
            TxnOp::put(key, self.value(name, "draining"), None)
        })
        .await;
    }

    async fn delete(&self, names: &[&str]) {
        self.write(names, |key, _| TxnOp::delete(key, None)).await;
    }

    /// A probe that has called all of them for a second without an error.
    async fn probe(&self, balancer: &Balancer) -> Probe {
        let args = ["--qps", "200", "--wait-for-ready"];
        let probe = Probe::start(SERVICE, &[balancer.addr], &args);
        probe
            .until("a good second", 0, |second| {
                second.ok.len() >= self.backends.len() && second.err.is_empty()
            })
            .await;
        probe
    }

    /// Sets it, with a drop that is too rare for any slot, to see that it holds.
    async fn hold_down(&self, balancer: &Balancer, hold_down: &str) {
        let drop = json!({ "category": hold_down, "per_million": 1 });
        let settings = json!({ "hold_down": hold_down, "drops": [drop] });
        self.etcd.put_settings(SERVICE, &settings).await;
        eventually("the setting holds", BOUND, || async {
            let seen = service(balancer.admin, SERVICE)
                .await
                .map_err(|e| e.to_string())?;
            let holds = seen.drops.iter().any(|it| it.category == hold_down);
            check(holds, format!("{seen:?}"))
        })
        .await;
    }

    async fn suspects(&self, balancer: &Balancer, wanted: usize) -> u64 {
        eventually("so many are suspects", BOUND, || async {
            let seen = service(balancer.admin, SERVICE)
                .await
                .map_err(|e| e.to_string())?;
            let suspects = seen.backends.iter().filter(|it| it.state == "suspect");
            check(suspects.count() == wanted, format!("{seen:?}"))?;
            Ok::<_, String>(seen.plan_version)
        })
        .await
    }
}

async fn lists(stream: &mut Stream, wanted: usize) -> Result<()> {
    stream
        .list_where(|list| counts(list).len() == wanted)
        .await?;
    Ok(())
}

async fn metric(balancer: &Balancer, name: &str) -> Result<Option<f64>> {
    let (_, text) = http::get(balancer.admin, "/metrics").await?;
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(value.map(str::parse).transpose()?)
}

#[tokio::test]
async fn keys_of_live_backends_that_are_all_deleted_and_come_back_change_nothing() -> Result<()> {
    let fleet = Fleet::start().await;
    let balancer = Balancer::on(&fleet.etcd.url()).await;
    let probe = fleet.probe(&balancer).await;

    fleet.delete(&fleet.names()).await;
    assert_eq!(fleet.suspects(&balancer, 6).await, 1);
    assert_eq!(metric(&balancer, "lookaside_suspects").await?, Some(6.0));
    assert_eq!(
        metric(&balancer, "lookaside_mass_removals_total").await?,
        Some(1.0)
    );
    let seen = probe.tally(3).await;
    assert_eq!((seen.failed(), seen.ok.len()), (0, 6), "{seen:?}");

    fleet.register(&fleet.names()).await;
    assert_eq!(fleet.suspects(&balancer, 0).await, 1, "the same plan");
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn of_those_that_vanish_the_dead_leave_at_once_and_the_others_stay() -> Result<()> {
    let mut fleet = Fleet::start().await;
    let balancer = Balancer::on(&fleet.etcd.url()).await;
    let mut stream = Stream::open(balancer.addr, SERVICE).await?;
    lists(&mut stream, 6).await?;
    let probe = fleet.probe(&balancer).await;
    for backend in &mut fleet.backends[..3] {
        backend.process.kill();
    }
    // What was on its way to them has failed by now.
    probe.tally(1).await;
    let before = probe.seconds().len() + 1;

    let began = Instant::now();
    fleet.delete(&fleet.names()).await;
    let list = stream.list().await?;
    assert!(began.elapsed() < Duration::from_secs(3));
    let listed: Vec<String> = counts(&list).into_keys().collect();
    let mut alive: Vec<String> = fleet.backends[3..]
        .iter()
        .map(|it| it.addr.to_string())
        .collect();
    alive.sort();
    assert_eq!(listed, alive, "in one step");
    assert_eq!(fleet.suspects(&balancer, 3).await, 2);
    probe.tally(2).await;
    let seen: lookaside_tests::Tally = probe.seconds()[before..].iter().collect();
    assert_eq!(seen.failed(), 0, "{seen:?}");
    Ok(())
}

#[tokio::test]
async fn removals_that_trickle_are_taken_back_when_they_are_too_many() -> Result<()> {
    let fleet = Fleet::start().await;
    let config = tempfile::NamedTempFile::new()?;
    std::fs::write(&config, "[lists]\nmass_window = \"10s\"\n")?;
    let path = config.path().to_str().expect("UTF-8");
    let balancer = Balancer::start(["--registry", &fleet.etcd.url(), "--config", path]).await;
    let mut stream = Stream::open(balancer.addr, SERVICE).await?;
    lists(&mut stream, 6).await?;
    let probe = fleet.probe(&balancer).await;
    for (name, left) in [("a", 5), ("b", 4), ("c", 3)] {
        fleet.delete(&[name]).await;
        lists(&mut stream, left).await?;
    }
    fleet.delete(&["d"]).await;
    lists(&mut stream, 6).await?;
    fleet.suspects(&balancer, 4).await;
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn an_announced_drain_of_all_is_believed_at_once() -> Result<()> {
    let fleet = Fleet::start().await;
    let balancer = Balancer::on(&fleet.etcd.url()).await;
    let mut stream = Stream::open(balancer.addr, SERVICE).await?;
    lists(&mut stream, 6).await?;
    let probe = fleet.probe(&balancer).await;
    fleet.announce_drain(&["a", "b", "c", "d", "e"]).await;
    lists(&mut stream, 1).await?;
    fleet.delete(&["a", "b", "c", "d", "e"]).await;
    eventually("they are gone", BOUND, || async {
        let seen = service(balancer.admin, SERVICE)
            .await
            .map_err(|e| e.to_string())?;
        check(seen.backends.len() == 1, format!("{seen:?}"))
    })
    .await;
    assert_eq!(
        metric(&balancer, "lookaside_mass_removals_total").await?,
        Some(0.0)
    );
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn hold_down_bounds_how_long_suspects_stay_and_zero_turns_the_rule_off() -> Result<()> {
    let fleet = Fleet::start().await;
    let balancer = Balancer::on(&fleet.etcd.url()).await;
    let mut stream = Stream::open(balancer.addr, SERVICE).await?;
    lists(&mut stream, 6).await?;
    fleet.hold_down(&balancer, "3s").await;
    let probe = fleet.probe(&balancer).await;

    let began = Instant::now();
    fleet.delete(&["a", "b", "c", "d"]).await;
    fleet.suspects(&balancer, 4).await;
    lists(&mut stream, 2).await?;
    let held = began.elapsed().as_secs_f64();
    assert!((3.0..5.0).contains(&held), "{held}");

    fleet.register(&fleet.names()).await;
    lists(&mut stream, 6).await?;
    fleet.hold_down(&balancer, "0s").await;
    fleet.delete(&["a", "b", "c", "d"]).await;
    lists(&mut stream, 2).await?;
    fleet.suspects(&balancer, 0).await;
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn leases_that_run_out_one_by_one_cost_no_call_and_no_list_loses_more_than_half() -> Result<()>
{
    let etcd = Etcd::start().await;
    let mut backends = Vec::new();
    for name in ["a", "b", "c", "d", "e", "f"] {
        backends.push(Backend::registered(name, SERVICE, 100, &etcd.url()).await);
    }
    let fleet = Fleet { etcd, backends };
    let balancer = Balancer::on(&fleet.etcd.url()).await;
    let mut stream = Stream::open(balancer.addr, SERVICE).await?;
    lists(&mut stream, 6).await?;
    let probe = fleet.probe(&balancer).await;
    let mut client = fleet.etcd.client().await;
    for lease in client.leases().await?.leases() {
        client.lease_revoke(lease.id()).await?;
    }
    // The agents see it when they renew, and register again.
    eventually("all are registered again", BOUND, || async {
        let seen = service(balancer.admin, SERVICE)
            .await
            .map_err(|e| e.to_string())?;
        let serving = seen.backends.iter().filter(|it| it.state == "serving");
        check(serving.count() == 6, format!("{seen:?}"))
    })
    .await;
    // None at all, if the balancer saw them vanish together.
    let mut lengths = vec![6];
    while let Ok(list) = timeout(Duration::from_secs(2), stream.list()).await {
        lengths.push(counts(&list?).len());
    }
    assert_eq!(lengths.last(), Some(&6));
    let whole = lengths.iter().all(|listed| *listed >= 3);
    assert!(whole, "half are believed gone, more are not: {lengths:?}");
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn an_etcd_that_comes_back_empty_empties_no_list_and_what_returns_is_no_event() -> Result<()>
{
    let mut fleet = Fleet::start().await;
    // Too few to be a mass removal of their own.
    fleet
        .etcd
        .put_backend("small", "x", &fleet.backends[0].addr.to_string(), 1)
        .await;
    let balancer = Balancer::on(&fleet.etcd.url()).await;
    let probe = fleet.probe(&balancer).await;
    fleet.etcd.kill();
    fleet.etcd.become_another();
    fleet.etcd.restart().await;
    fleet.suspects(&balancer, 6).await;
    let small = service(balancer.admin, "small").await?;
    assert_eq!(small.backends[0].state, "suspect", "{small:?}");
    fleet.register(&fleet.names()).await;
    assert_eq!(fleet.suspects(&balancer, 0).await, 1, "the same plan");
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn an_etcd_that_dies_while_backends_are_held_ends_no_hold_until_it_is_back() -> Result<()> {
    let mut fleet = Fleet::start().await;
    let balancer = Balancer::on(&fleet.etcd.url()).await;
    let mut stream = Stream::open(balancer.addr, SERVICE).await?;
    lists(&mut stream, 6).await?;
    fleet.hold_down(&balancer, "5s").await;
    let probe = fleet.probe(&balancer).await;
    fleet.delete(&["a", "b", "c", "d"]).await;
    fleet.suspects(&balancer, 4).await;
    fleet.etcd.kill();
    // Longer than the hold, and no list.
    let silence = timeout(Duration::from_secs(8), stream.list()).await;
    assert!(silence.is_err(), "{silence:?}");
    fleet.suspects(&balancer, 4).await;
    let seen = service(balancer.admin, SERVICE).await?;
    let told = |it: &str| it.contains("while the registry is lost");
    let told = seen.backends.iter().filter(|it| told(&it.reason)).count();
    assert_eq!(told, 4, "{seen:?}");

    fleet.etcd.restart().await;
    fleet.register(&["a"]).await;
    lists(&mut stream, 3).await?;
    fleet.suspects(&balancer, 0).await;
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn a_balancer_that_starts_with_an_emptied_etcd_asks_whom_it_knew() -> Result<()> {
    let fleet = Fleet::start().await;
    let dir = StateDir::new("2s");
    let mut balancer = Balancer::start(dir.args(&fleet.etcd.url())).await;
    eventually("the state is saved", BOUND, || async {
        let addr = fleet.backends[5].addr.to_string();
        check(dir.text().contains(&addr), "not yet")
    })
    .await;
    let probe = fleet.probe(&balancer).await;
    assert!(balancer.process.terminate().await.success());
    fleet.delete(&fleet.names()).await;
    let balancer = balancer.restart().await;
    fleet.suspects(&balancer, 6).await;
    let list = Stream::open(balancer.addr, SERVICE).await?.list().await?;
    assert_eq!(counts(&list).len(), 6);
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}

#[tokio::test]
async fn a_balancer_that_is_restarted_while_it_holds_backends_holds_them_on() -> Result<()> {
    let fleet = Fleet::start().await;
    let dir = StateDir::new("2s");
    let mut balancer = Balancer::start(dir.args(&fleet.etcd.url())).await;
    let probe = fleet.probe(&balancer).await;
    fleet.hold_down(&balancer, "600s").await;
    fleet.delete(&["a", "b", "c", "d"]).await;
    fleet.suspects(&balancer, 4).await;
    // One suspect of six is left, which by itself would be no mass removal.
    fleet.register(&["a", "b", "c"]).await;
    fleet.suspects(&balancer, 1).await;
    // Asked to end, and, once the last state is on the disk, killed.
    assert!(balancer.process.terminate().await.success());
    let mut balancer = balancer.restart().await;
    fleet.suspects(&balancer, 1).await;
    fleet
        .etcd
        .put_backend("other", "x", "127.0.0.1:1001", 1)
        .await;
    eventually("the newest state is saved", BOUND, || async {
        check(dir.text().contains("127.0.0.1:1001"), "not yet")
    })
    .await;
    balancer.process.kill();
    let balancer = balancer.restart().await;
    fleet.suspects(&balancer, 1).await;
    let list = Stream::open(balancer.addr, SERVICE).await?.list().await?;
    assert_eq!(counts(&list).len(), 6);
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    Ok(())
}
