use std::{net::SocketAddr, time::Instant};

use async_trait::async_trait;
use lookaside_core::{
    Backend, BackendId, BackendState, MassRemoval, Removals, Service, ServiceName, Surroundings,
};
use tokio::time::sleep;

use super::*;
use crate::{Prober, Stage};

/// What a port says: 1 accepts, 2 refuses, 3 is silent, 4 cannot be asked, 5 panics,
/// others hang.
#[derive(Debug)]
struct Ports;

#[async_trait]
impl Prober for Ports {
    async fn probe(&self, target: &Target, _: &Probe, timeout: Duration) -> Result<(), ProbeError> {
        match target.addr().port() {
            1 => Ok(()),
            2 => Err(ProbeError::Refused),
            3 => {
                sleep(timeout).await;
                Err(ProbeError::Timeout {
                    stage: Stage::Connect,
                    after: timeout,
                })
            }
            4 => Err(ProbeError::Local("no more files".into())),
            5 => panic!("a bug"),
            _ => pending().await,
        }
    }
}

/// Backends at these ports.
struct At(Vec<u16>);

impl Surroundings for At {
    fn hold_down(&self, _: &ServiceName) -> Duration {
        Duration::from_secs(30)
    }

    fn is_drained(&self, _: &ServiceName, _: &Backend) -> bool {
        false
    }

    fn addresses(&self, _: &ServiceName, _: &Backend) -> Arc<[SocketAddr]> {
        let at = |port: &u16| SocketAddr::from(([10, 0, 0, 1], *port));
        self.0.iter().map(at).collect()
    }
}

/// The first probes of `n` backends that vanished, each at all of these ports.
fn vanished(n: usize, ports: &[u16]) -> Vec<SuspectProbe> {
    let name = ServiceName::new("orders").unwrap();
    let backend = |n: usize| {
        Arc::new(Backend {
            id: BackendId::new(&format!("b{n:04}")).unwrap(),
            address: SocketAddr::from(([10, 0, 1, 1], 1 + n as u16)).into(),
            weight: 1,
            zone: None,
            state: BackendState::Serving,
            key: "k".into(),
            revision: 1,
        })
    };
    let service = Arc::new(Service {
        backends: (0..n).map(backend).collect(),
        problems: Vec::new(),
    });
    let (mut removals, now) = (Removals::new(MassRemoval::default()), Instant::now());
    let at = At(ports.to_vec());
    removals.observe([(name.clone(), Some(service))], &at, now);
    removals.observe([(name, None)], &at, now);
    std::iter::from_fn(|| removals.next_probe(now)).collect()
}

async fn answer_of(ports: &[u16]) -> ProbeAnswer {
    let mut asking = Asking::new(Probes::new(Arc::new(Ports)));
    let probe = vanished(3, ports).remove(0);
    let ticket = probe.ticket;
    asking.begin(probe, Probe::Tcp);
    let (ended, answer) = asking.next().await;
    assert_eq!(ended, ticket);
    answer
}

#[tokio::test(start_paused = true)]
async fn a_backend_answers_if_one_of_its_addresses_does() {
    for (ports, wanted) in [
        (&[1][..], ProbeAnswer::Alive),
        (&[2], ProbeAnswer::Refused),
        (&[3], ProbeAnswer::Silent),
        (&[4], ProbeAnswer::Unasked),
        (&[5], ProbeAnswer::Unasked),
        (&[2, 3, 4, 1], ProbeAnswer::Alive),
        (&[2, 3], ProbeAnswer::Silent),
        (&[4, 2], ProbeAnswer::Refused),
        (&[1, 99], ProbeAnswer::Alive),
    ] {
        assert_eq!(answer_of(ports).await, wanted, "{ports:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn so_many_are_asked_at_a_time_and_each_for_a_second() {
    let mut asking = Asking::new(Probes::new(Arc::new(Ports)));
    let mut waiting = vanished(2 * MAX_PROBES, &[3]).into_iter();
    let began = tokio::time::Instant::now();
    let mut ended = 0;
    while ended < 2 * MAX_PROBES {
        while asking.has_room()
            && let Some(probe) = waiting.next()
        {
            asking.begin(probe, Probe::Tcp);
        }
        let (_, answer) = asking.next().await;
        assert_eq!(answer, ProbeAnswer::Silent);
        ended += 1;
    }
    assert_eq!(began.elapsed(), 2 * PROBE_TIMEOUT);
}
