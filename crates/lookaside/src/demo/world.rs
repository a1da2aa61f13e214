use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow};
use lookaside_client::Channel;
use lookaside_core::{Drop, Drops, ServiceName};
use tokio::time::{Instant, sleep};

use super::{
    backend::Backend,
    balancer::Running,
    ledger::Ledger,
    place::Place,
    scene::{DROP, FIRST, NEWCOMER, Scene, VICTIM},
    view::{BackendView, View},
};
use crate::{
    inspect::Inspector,
    probe::{Load, Sink},
};

/// Calls a second.
pub(super) const QPS: f64 = 300.0;

/// How long a call may take; on the longest outage here calls do not wait at all.
const CALL_TIME: Duration = Duration::from_secs(5);

/// How long a change may take to be seen by the client before the demo calls it failed.
/// The slowest is a registration that runs out, after 3 s.
const PATIENCE: Duration = Duration::from_secs(15);

/// At 75 drops a second, no drop for so long is no chance.
const QUIET: Duration = Duration::from_millis(200);

/// How long the balancer stays away.
const OUTAGE: Duration = Duration::from_secs(1);

/// All that runs.
#[derive(Debug)]
pub(super) struct World {
    place: Place,
    pub(super) service: ServiceName,
    balancer: Option<Running>,
    client_addr: SocketAddr,
    admin_addr: SocketAddr,
    backends: Vec<Backend>,
    load: Load,
    ledger: Arc<Ledger>,
    view: Arc<View>,
}

impl World {
    /// A balancer, the first backends, and a client under load. Its calls wait until
    /// there is a list.
    pub(super) async fn start(
        mut place: Place,
        ledger: Arc<Ledger>,
        view: Arc<View>,
    ) -> anyhow::Result<Self> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let balancer = Running::start(&mut place, any, any, false).await?;
        let service = ServiceName::new(&place.service_name())?;
        let (client_addr, admin_addr) = (balancer.client_addr(), balancer.admin_addr());
        let mut backends = Vec::new();
        for (name, weight) in FIRST {
            let target = place.target(client_addr.into())?;
            backends.push(Backend::start(name, weight, &service, target).await?);
        }
        let channel = Channel::builder(service.as_str())
            .balancers([client_addr.to_string()])
            .wait_for_ready(true)
            .build()?;
        let sink = Arc::clone(&ledger) as Arc<dyn Sink>;
        let world = Self {
            place,
            service,
            balancer: Some(balancer),
            client_addr,
            admin_addr,
            backends,
            load: Load::start(channel, QPS, CALL_TIME, sink),
            ledger,
            view,
        };
        world.show();
        Ok(world)
    }

    /// Makes a scene happen; returns when the client has felt it.
    pub(super) async fn enact(&mut self, scene: Scene) -> anyhow::Result<()> {
        self.ledger.measure();
        match scene {
            Scene::Steady => {
                let all = FIRST.map(|(name, _)| name);
                self.until("every backend has answered", || self.answered(&all))
                    .await?;
            }
            Scene::Kill => {
                self.ledger.kill();
                self.view.mark(VICTIM, "killed");
                self.backends.retain(|backend| backend.name != VICTIM);
            }
            Scene::Join => {
                let (name, weight) = NEWCOMER;
                let target = self.place.target(self.client_addr.into())?;
                let backend = Backend::start(name, weight, &self.service, target).await?;
                self.backends.push(backend);
                self.show();
                self.until("d has answered", || self.answered(&[name]))
                    .await?;
            }
            Scene::Drop => {
                let (category, per_million) = DROP;
                let category = category.into();
                let drops = Drops::new([Drop {
                    category,
                    per_million,
                }])?;
                self.place.set_drops(&self.service, drops).await?;
                let dropping = || self.ledger.measured().dropped > 0;
                self.until("a call has been dropped", dropping).await?;
            }
            Scene::Restart => self.restart().await?,
        }
        Ok(())
    }

    /// What a scene brings about later; returns when that is done.
    pub(super) async fn aftermath(&mut self, scene: Scene) -> anyhow::Result<()> {
        match scene {
            Scene::Kill => {
                self.until_told(|service| {
                    service.backends.iter().all(|backend| backend.id != VICTIM)
                })
                .await
                .context("the killed backend's registration has run out")?;
                self.view.mark(VICTIM, "killed, expired");
            }
            Scene::Restart => {
                let all = self.backends.len();
                self.until_told(|service| service.backends.len() == all && service.streams > 0)
                    .await
                    .context("the balancer has backends and client back")?;
            }
            Scene::Steady | Scene::Join | Scene::Drop => {}
        }
        Ok(())
    }

    /// Kills the balancer while calls go on, and starts it again at the same address.
    async fn restart(&mut self) -> anyhow::Result<()> {
        self.place.clear_drops(&self.service).await?;
        let told = |service: &lookaside_proto::v1::Service| service.drops.is_empty();
        self.until_told(told).await?;
        // The clients have heard of it when no call has been dropped for a moment.
        let mut last = (self.ledger.totals().dropped, Instant::now());
        self.until("no call is dropped any more", || {
            let dropped = self.ledger.totals().dropped;
            if dropped != last.0 {
                last = (dropped, Instant::now());
            }
            last.1.elapsed() >= QUIET
        })
        .await?;
        self.ledger.measure();
        self.view.balancer("killed");
        drop(self.balancer.take());
        sleep(OUTAGE).await;
        self.view.balancer("starting");
        let (client, admin) = (self.client_addr, self.admin_addr);
        self.balancer = Some(Running::start(&mut self.place, client, admin, true).await?);
        self.view.balancer("running again");
        Ok(())
    }

    fn answered(&self, names: &[&str]) -> bool {
        let score = self.ledger.measured();
        names.iter().all(|name| score.answered.contains_key(*name))
    }

    async fn until(&self, what: &str, mut done: impl FnMut() -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !done() {
            if Instant::now() > deadline {
                return Err(anyhow!("waited {PATIENCE:?} in vain until {what}"));
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Waits for what the balancer says of the service.
    async fn until_told(
        &self,
        done: impl Fn(&lookaside_proto::v1::Service) -> bool,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut inspector = Inspector::connect(self.admin_addr.into(), None).await?;
        loop {
            // A balancer that has just been restarted may not know the service yet.
            let told = inspector.service(self.service.as_str()).await;
            match &told {
                Ok(service) if done(service) => return Ok(()),
                _ if Instant::now() < deadline => sleep(Duration::from_millis(50)).await,
                _ => return Err(anyhow!("waited {PATIENCE:?} in vain, last: {told:?}")),
            }
        }
    }

    fn show(&self) {
        let weights = FIRST.iter().chain([&NEWCOMER]);
        self.view.backends(weights.filter_map(|(name, weight)| {
            let backend = self.backends.iter().find(|it| it.name == *name)?;
            Some(BackendView {
                name,
                address: backend.address,
                weight: *weight,
                state: "serving",
            })
        }));
    }

    /// Where clients and operators connect.
    pub(super) fn addresses(&self) -> (SocketAddr, SocketAddr) {
        (self.client_addr, self.admin_addr)
    }

    /// Ends everything and leaves nothing behind in a registry. Calls in flight are
    /// waited for first.
    pub(super) async fn end(self) {
        self.load.stop().await;
        if let Err(error) = self.place.clear_drops(&self.service).await {
            tracing::error!(%error, "cannot remove the demo's settings");
        }
        for backend in self.backends {
            backend.deregister().await;
        }
    }
}
