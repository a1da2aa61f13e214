//! A cluster of three, a registry that follows it, and a witness.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use etcd_client::{Client, Txn, TxnOp};
use lookaside_registry::RegistryState;
use lookaside_registry_etcd::EtcdConfig;
use lookaside_tests::{
    Cluster,
    etcd::{ClusterOptions, History, value},
    proxy::{Mode, Proxy},
};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, timeout},
};

use crate::{
    support::{Followed, PATIENCE, is_synced, timings},
    witness::{Report, Witness, difference, is_now},
};

/// How long a writer waits for one member before it asks the next.
const WRITE: Duration = Duration::from_millis(700);

/// Between two writes of a writer.
const PAUSE: Duration = Duration::from_millis(3);

pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    pub(crate) followed: Followed,
    pub(crate) history: History,
    /// In front of the members, if it was started so.
    pub(crate) proxies: Vec<Proxy>,
    witness: Witness,
}

/// Production's timings divided by about 20, but for reads: a new leader takes a second.
pub(crate) fn config(members: &[SocketAddr]) -> EtcdConfig {
    EtcdConfig {
        timings: timings(),
        ..EtcdConfig::new(members.iter().copied().map(Into::into).collect())
    }
}

impl Scene {
    pub(crate) async fn start() -> Self {
        let cluster = Cluster::start().await;
        let config = config(&cluster.endpoints());
        Self::of(cluster, config, Vec::new()).await
    }

    /// With a proxy in front of each member's client port.
    pub(crate) async fn behind_proxies() -> Self {
        Self::behind_proxies_with(ClusterOptions::default(), |_| {}).await
    }

    /// The same, with other options and another configuration than usual.
    pub(crate) async fn behind_proxies_with(
        options: ClusterOptions,
        configure: impl FnOnce(&mut EtcdConfig),
    ) -> Self {
        let cluster = Cluster::start_with(options).await;
        let mut proxies = Vec::new();
        for member in cluster.endpoints() {
            proxies.push(Proxy::to(member).await);
        }
        let addresses: Vec<_> = proxies.iter().map(|it| it.address).collect();
        let mut config = config(&addresses);
        configure(&mut config);
        Self::of(cluster, config, proxies).await
    }

    pub(crate) async fn of(cluster: Cluster, config: EtcdConfig, proxies: Vec<Proxy>) -> Self {
        let mut client = cluster.client().await;
        let history = History::start(&mut client).await;
        write(&mut client, &mut fastrand::Rng::with_seed(1), 40).await;
        let followed = Followed::start(config).await;
        let witness = Witness::of(&followed.registry);
        let mut scene = Self {
            cluster,
            followed,
            history,
            proxies,
            witness,
        };
        scene.until_true().await;
        scene
    }

    /// Reads what etcd holds, and waits until just that is published, live.
    pub(crate) async fn until_true(&mut self) -> Arc<RegistryState> {
        self.record().await;
        self.becomes_true().await
    }

    async fn becomes_true(&mut self) -> Arc<RegistryState> {
        let history = &self.history;
        let holds = |it: &Arc<RegistryState>| is_synced(it) && is_now(it, history);
        match self.followed.try_until(holds).await {
            Ok(state) => state,
            Err(last) => panic!("never what etcd holds; {}", difference(&last, history)),
        }
    }

    /// The same through one member, where not all of them answer.
    pub(crate) async fn until_true_through(&mut self, member: usize) {
        let mut client = self.cluster.client_of(member).await;
        self.history.catch_up(&mut client).await;
        self.becomes_true().await;
    }

    /// While somebody writes: waits until everything up to now is in.
    pub(crate) async fn until_true_under_load(&mut self) {
        let now = self.record().await;
        self.followed
            .until("what was written up to now is in", |it| {
                it.backends.as_ref().is_some_and(|it| it.revision >= now)
            })
            .await;
    }

    /// Reads what happened, while etcd still knows; gives the newest revision.
    pub(crate) async fn record(&mut self) -> i64 {
        let mut client = self.cluster.client().await;
        self.history.catch_up(&mut client).await
    }

    /// Writes some changes.
    pub(crate) async fn change(&self) {
        let mut client = self.cluster.client().await;
        write(&mut client, &mut fastrand::Rng::new(), 10).await;
    }

    /// Changes more than there had been, and goes on until who lost the cluster at `lost`
    /// does not resume where it was: before that, a cluster that was put back in the same
    /// term cannot be told from one that was only away (docs/etcd.md).
    pub(crate) async fn overtake(&self, lost: Instant) {
        let mut changes = 0;
        while changes < 5 || lost.elapsed() <= timings().resume {
            self.change().await;
            changes += 1;
        }
    }

    /// The same through one member.
    pub(crate) async fn change_through(&self, member: usize) {
        let mut client = self.cluster.client_of(member).await;
        write(&mut client, &mut fastrand::Rng::new(), 10).await;
    }

    /// The raft term of what was last written.
    pub(crate) async fn term(&self) -> u64 {
        let mut client = self.cluster.client().await;
        let answer = client.get("up", None).await.unwrap();
        answer.header().unwrap().raft_term()
    }

    /// Sets all proxies.
    pub(crate) fn set(&self, mode: Mode) {
        self.proxies.iter().for_each(|it| it.set(mode));
    }

    /// Waits for the true final state, and checks every state on the way.
    pub(crate) async fn ends_true(mut self) -> Report {
        self.until_true().await;
        self.change().await;
        self.until_true().await;
        self.witness.check(&self.history).await
    }
}

/// Writes, changes and deletes backends, and now and then settings; some in one
/// revision. A cluster that is choosing its leader refuses writes for a while.
async fn write(client: &mut Client, rng: &mut fastrand::Rng, times: usize) {
    let until = Instant::now() + PATIENCE;
    let mut written = 0;
    while written < times {
        match step(client, rng).await {
            Ok(()) => written += 1,
            Err(error) if Instant::now() > until => panic!("{error}"),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn step(client: &mut Client, rng: &mut fastrand::Rng) -> Result<(), etcd_client::Error> {
    if rng.u32(..10) == 0 {
        let key = format!("lookaside/config/s{}", rng.u32(..4));
        let value = format!(r#"{{"fallback":{}}}"#, rng.bool());
        return client.put(key, value, None).await.map(drop);
    }
    let first = rng.u32(..20);
    let operations: Vec<_> = (first..first + rng.u32(1..4))
        .map(|id| {
            let key = format!("services/s{}/{id:02}", rng.u32(..4));
            if rng.u32(..4) == 0 {
                TxnOp::delete(key, None)
            } else {
                TxnOp::put(key, value("10.0.0.1:80", rng.u32(1..1000)), None)
            }
        })
        .collect();
    client.txn(Txn::new().and_then(operations)).await.map(drop)
}

/// Writes all the time, through whichever member answers.
pub(crate) struct Load {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
    written: watch::Receiver<usize>,
}

impl Load {
    pub(crate) fn on(cluster: &Cluster) -> Self {
        let members = cluster.endpoints();
        let (stop, stopped) = watch::channel(false);
        let (count, written) = watch::channel(0);
        let task = tokio::spawn(async move {
            let mut rng = fastrand::Rng::with_seed(7);
            let mut member = 0;
            while !*stopped.borrow() {
                let endpoint = members[member % members.len()].to_string();
                member += 1;
                let Ok(mut client) = Client::connect([endpoint], None).await else {
                    continue;
                };
                while !*stopped.borrow()
                    && matches!(
                        timeout(WRITE, step(&mut client, &mut rng)).await,
                        Ok(Ok(()))
                    )
                {
                    count.send_modify(|it| *it += 1);
                    tokio::time::sleep(PAUSE).await;
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self {
            task,
            stop,
            written,
        }
    }

    /// Waits until it has written so much more.
    pub(crate) async fn goes_on(&mut self, more: usize) {
        let target = *self.written.borrow() + more;
        let enough = self.written.wait_for(|it| *it >= target);
        let enough = timeout(PATIENCE, enough).await;
        drop(enough.expect("somebody can write").unwrap());
    }

    /// Ends it.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
    }
}
