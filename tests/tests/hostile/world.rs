use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use lookaside_proto::v1::{Instance, RegisterRequest, registration_client::RegistrationClient};
use lookaside_tests::{
    Backend, Balancer, Probe,
    bench::{clients::raise_open_files, proc_stat::resident, table::median},
    http, inspect,
    wire::{Stream, counts},
};
use tempfile::TempDir;
use tokio::{
    sync::{Mutex, MutexGuard},
    time::sleep,
};
use tonic::transport::Channel;

/// The service that the honest client asks for.
pub(crate) const SERVICE: &str = "orders";

/// The one that is called all the time.
const CALLED: &str = "called";

/// How long no change of a whole run may take to reach the honest client: the machine is
/// busy with the peer as well, and with other tests.
const WORST: Duration = Duration::from_secs(3);

/// How much longer than before the usual change may take, as a factor and something on top.
const FACTOR: u32 = 20;
const ALLOWANCE: Duration = Duration::from_millis(150);

/// Changes that are timed, and the pause before each: longer than a burst is merged.
const CHANGES: usize = 6;
const PAUSE: Duration = Duration::from_millis(120);

/// Longer than any test.
const TTL: prost_types::Duration = prost_types::Duration {
    seconds: 600,
    nanos: 0,
};

/// One peer at a time: they would be measured by each other's noise.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A balancer, an honest client of it, what a registered backend costs in time, and
/// somebody who calls another service, a call of which must not fail.
pub(crate) struct World {
    pub(crate) balancer: Balancer,
    stream: Stream,
    registrar: RegistrationClient<Channel>,
    next_port: u16,
    before: Duration,
    resident_before: u64,
    calls: Probe,
    _called: Backend,
    _config: TempDir,
    alone: Option<MutexGuard<'static, ()>>,
}

impl World {
    /// A balancer with these settings beside the defaults.
    pub(crate) async fn new(settings: &str) -> Result<Self> {
        raise_open_files();
        let config = tempfile::tempdir()?;
        let path = config.path().join("lookaside.toml");
        fs::write(&path, settings)?;
        let path = path.to_str().context("a path in UTF-8")?;
        let balancer = Balancer::start(["--registry", "memory:", "--config", path]).await;
        // Operators' own port: peers are at the other.
        let mut registrar = RegistrationClient::new(inspect::connect(balancer.admin).await?);
        register(&mut registrar, 1).await?;
        // A new memory registry answers nobody for 3 seconds.
        let stream = Stream::open(balancer.addr, SERVICE).await?;
        let alone = ALONE.lock().await;
        let admin = balancer.admin.to_string();
        let registered = ["--service", CALLED, "--balancer", &admin];
        let called = Backend::with(CALLED, "127.0.0.1:0", &registered).await;
        let args = ["--qps", "50", "--wait-for-ready", "--timeout", "10s"];
        let calls = Probe::start(CALLED, &[balancer.addr], &args);
        calls
            .until("calls", 0, |second| !second.ok.is_empty())
            .await;
        let mut world = Self {
            calls,
            _called: called,
            balancer,
            stream,
            registrar,
            next_port: 2,
            before: Duration::ZERO,
            resident_before: 0,
            _config: config,
            alone: Some(alone),
        };
        world.stream.list().await?;
        world.before = median(&world.latencies().await?);
        world.resident_before = world.resident()?;
        Ok(world)
    }

    /// Checks that changes arrive while `attack` runs, which is until they have, and that no
    /// call fails.
    pub(crate) async fn endures<T>(
        &mut self,
        what: &str,
        attack: impl Future<Output = T>,
    ) -> Result<()> {
        let latencies = tokio::select! {
            latencies = async {
                let latencies = self.latencies().await;
                // Calls are told by the second.
                self.calls.tally(1).await;
                latencies
            } => latencies.with_context(|| format!("during {what}"))?,
            _ = attack => anyhow::bail!("{what} is over"),
        };
        let calls = self.calls.total();
        assert_eq!(calls.failed(), 0, "{what}: {calls:?}");
        let usual = median(&latencies);
        let worst = latencies.iter().max().copied().unwrap_or_default();
        println!(
            "{what}: {usual:?} (before {:?}), worst {worst:?}, {} kB more",
            self.before,
            self.grown()? / 1024
        );
        assert!(worst <= WORST, "{what}: {latencies:?}");
        let bound = self.before * FACTOR + ALLOWANCE;
        assert!(
            usual <= bound,
            "{what}: {latencies:?}, before {:?}",
            self.before
        );
        Ok(())
    }

    /// Checks that the balancer holds at most so much more than at the start.
    pub(crate) fn has_grown_by_at_most(&self, bytes: u64, what: &str) -> Result<()> {
        let grown = self.grown()?;
        assert!(
            grown <= bytes,
            "{what}: {grown} bytes more, at most {bytes}"
        );
        Ok(())
    }

    /// Lets the next test begin: what is waited for from here on is not timed.
    pub(crate) fn rest(&mut self) {
        self.alone = None;
    }

    /// The value of a metric; 0 while it is not there.
    pub(crate) async fn metric(&self, name: &str) -> Result<f64> {
        let (_, text) = http::get(self.balancer.admin, "/metrics").await?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        Ok(line.map_or(Ok(0.0), |value| value.trim().parse())?)
    }

    fn resident(&self) -> Result<u64> {
        resident(self.balancer.process.id())
    }

    fn grown(&self) -> Result<u64> {
        Ok(self.resident()?.saturating_sub(self.resident_before))
    }

    async fn latencies(&mut self) -> Result<Vec<Duration>> {
        let mut latencies = Vec::new();
        for _ in 0..CHANGES {
            sleep(PAUSE).await;
            let port = self.next_port;
            self.next_port += 1;
            let started = Instant::now();
            register(&mut self.registrar, port).await?;
            let address = format!("10.0.0.1:{port}");
            self.stream
                .list_where(|list| counts(list).contains_key(&address))
                .await?;
            latencies.push(started.elapsed());
        }
        Ok(latencies)
    }
}

async fn register(registrar: &mut RegistrationClient<Channel>, port: u16) -> Result<()> {
    let instance = Instance {
        service: SERVICE.to_owned(),
        address: format!("10.0.0.1:{port}"),
        ..Instance::default()
    };
    let request = RegisterRequest {
        instance: Some(instance),
        ttl: Some(TTL),
        ..RegisterRequest::default()
    };
    registrar.register(request).await?;
    Ok(())
}
