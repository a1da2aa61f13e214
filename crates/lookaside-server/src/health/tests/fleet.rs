//! A fleet of backends on virtual time, and the checking of it.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use lookaside_core::{
    Backend, BackendId, BackendState, HealthCheck, HostPort, Probe, ResolvedBackend, ServiceName,
};
use prometheus_client::registry::Registry;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::{
    ProbeError, Prober, Probes, Stage, Target,
    health::{Checked, Verdicts, checks::CheckedServices, run},
    metrics::HealthMetrics,
};

pub(super) const SERVICE: &str = "orders";

/// How a backend answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Answer {
    #[default]
    Well,
    NotServing,
    /// It says nothing.
    Silence,
    /// The balancer cannot ask.
    Local,
    /// The prober has a bug.
    Panic,
}

#[derive(Debug, Default)]
pub(super) struct Fleet {
    answers: Mutex<HashMap<SocketAddr, Answer>>,
    asked: Mutex<Vec<(Instant, SocketAddr, Probe)>>,
    in_flight: Mutex<(usize, usize)>,
}

#[async_trait::async_trait]
impl Prober for Fleet {
    async fn probe(
        &self,
        target: &Target,
        probe: &Probe,
        timeout: Duration,
    ) -> Result<(), ProbeError> {
        let asked = (Instant::now(), target.addr(), probe.clone());
        self.asked.lock().unwrap().push(asked);
        {
            let (now, most) = &mut *self.in_flight.lock().unwrap();
            *now += 1;
            *most = (*most).max(*now);
        }
        let answer = self.answers.lock().unwrap().get(&target.addr()).copied();
        let answer = answer.unwrap_or_default();
        let took = match answer {
            Answer::Silence => timeout,
            _ => Duration::from_millis(1),
        };
        sleep(took).await;
        self.in_flight.lock().unwrap().0 -= 1;
        match answer {
            Answer::Well => Ok(()),
            Answer::NotServing => Err(ProbeError::Status("NOT_SERVING".into())),
            Answer::Silence => Err(ProbeError::Timeout {
                stage: Stage::Connect,
                after: timeout,
            }),
            Answer::Local => Err(ProbeError::Local("too many open files".into())),
            Answer::Panic => panic!("a bug"),
        }
    }
}

impl Fleet {
    pub(super) fn set(&self, addr: SocketAddr, answer: Answer) {
        self.answers.lock().unwrap().insert(addr, answer);
    }

    /// When each probe of an address was made.
    pub(super) fn asked(&self, addr: SocketAddr) -> Vec<Instant> {
        let asked = self.asked.lock().unwrap();
        let of = asked.iter().filter(|(_, asked, _)| *asked == addr);
        of.map(|(at, ..)| *at).collect()
    }

    pub(super) fn all_asked(&self) -> Vec<(Instant, SocketAddr, Probe)> {
        self.asked.lock().unwrap().clone()
    }

    pub(super) fn most_in_flight(&self) -> usize {
        self.in_flight.lock().unwrap().1
    }
}

/// The checking of one service.
pub(super) struct World {
    pub(super) fleet: Arc<Fleet>,
    pub(super) probes: Probes,
    checks: watch::Sender<Arc<CheckedServices>>,
    pub(super) verdicts: watch::Receiver<Arc<Verdicts>>,
    task: JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl World {
    pub(super) fn new() -> Self {
        let fleet = Arc::new(Fleet::default());
        let probes = Probes::new(Arc::clone(&fleet) as Arc<dyn Prober>);
        let (checks, seen) = watch::channel(Arc::default());
        let (publisher, verdicts) = watch::channel(Arc::default());
        let metrics = HealthMetrics::new(&mut Registry::default());
        let rng = fastrand::Rng::with_seed(7);
        let task = tokio::spawn(run(probes.clone(), seen, publisher, metrics, rng));
        Self {
            fleet,
            probes,
            checks,
            verdicts,
            task,
        }
    }

    /// Has these checked, in this way.
    pub(super) fn check(&self, check: &HealthCheck, backends: &[ResolvedBackend]) {
        self.check_all(&[(SERVICE, check, backends)]);
    }

    /// Has these services checked.
    pub(super) fn check_all(&self, services: &[(&str, &HealthCheck, &[ResolvedBackend])]) {
        let checked = |(name, check, backends): &(&str, &HealthCheck, &[ResolvedBackend])| {
            let checked = Checked {
                check: (*check).clone(),
                backends: (*backends).into(),
            };
            (ServiceName::new(name).unwrap(), Arc::new(checked))
        };
        let services: BTreeMap<_, _> = services.iter().map(checked).collect();
        self.checks.send_replace(Arc::new(services));
    }

    /// Has nothing checked.
    pub(super) fn stop(&self) {
        self.checks.send_replace(Arc::default());
    }

    /// What is ejected now, with the reasons.
    pub(super) fn ejected(&self) -> BTreeMap<SocketAddr, String> {
        let verdicts = self.verdicts.borrow();
        let of = verdicts.get(&ServiceName::new(SERVICE).unwrap());
        let ejections = of.iter().flat_map(|ejections| ejections.as_slice());
        ejections
            .map(|it| (it.addr, it.reason.to_string()))
            .collect()
    }

    /// Waits until just these are ejected; gives how long that took.
    pub(super) async fn until_ejected(&self, addrs: &[SocketAddr]) -> Duration {
        let start = Instant::now();
        let wait = async {
            let mut verdicts = self.verdicts.clone();
            loop {
                let now: Vec<SocketAddr> = self.ejected().into_keys().collect();
                if now == addrs {
                    return;
                }
                verdicts.changed().await.unwrap();
            }
        };
        let waited = timeout(Duration::from_secs(600), wait).await;
        assert!(waited.is_ok(), "ejected: {:?}", self.ejected());
        start.elapsed()
    }
}

pub(super) fn addr(n: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, (n >> 8) as u8, n as u8], 50051))
}

/// A backend at these addresses.
pub(super) fn backend(id: &str, addrs: &[SocketAddr]) -> ResolvedBackend {
    let backend = Backend {
        id: BackendId::new(id).unwrap(),
        address: HostPort::from(addrs[0]),
        weight: 100,
        zone: None,
        state: BackendState::Serving,
        key: format!("services/orders/{id}").into(),
        revision: 1,
    };
    (Arc::new(backend), addrs.into())
}

/// Backends `b0000` at [`addr`]`(0)`, and so on.
pub(super) fn backends(n: u16) -> Vec<ResolvedBackend> {
    let one = |n| backend(&format!("b{n:04}"), &[addr(n)]);
    (0..n).map(one).collect()
}

/// Every 5 s; three failures eject, two successes bring back, after 10 s at least.
pub(super) fn usual() -> HealthCheck {
    HealthCheck::new(Probe::Tcp)
}
