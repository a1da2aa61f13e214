use std::{collections::HashMap, future::pending, sync::Arc, time::Duration};

use lookaside_core::{Probe, ProbeAnswer, ProbeTicket, SuspectProbe};
use tokio::task::{Id, JoinSet};

use crate::{MAX_PROBES, ProbeError, Probes, Target};

/// How long a backend has to answer: its machine is near, or it is gone.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// The probes of vanished backends that are under way.
#[derive(Debug)]
pub(super) struct Asking {
    probes: Probes,
    running: JoinSet<ProbeAnswer>,
    tickets: HashMap<Id, ProbeTicket>,
}

impl Asking {
    pub(super) fn new(probes: Probes) -> Self {
        Self {
            probes,
            running: JoinSet::new(),
            tickets: HashMap::new(),
        }
    }

    /// Whether another probe may begin; more would only wait for a turn.
    pub(super) fn has_room(&self) -> bool {
        self.running.len() < MAX_PROBES
    }

    pub(super) fn begin(&mut self, probe: SuspectProbe, check: Probe) {
        let ticket = probe.ticket;
        let asked = ask(self.probes.clone(), probe, check);
        let id = self.running.spawn(asked).id();
        self.tickets.insert(id, ticket);
    }

    /// A probe that has ended; waits for ever if there is none.
    pub(super) async fn next(&mut self) -> (ProbeTicket, ProbeAnswer) {
        while let Some(ended) = self.running.join_next_with_id().await {
            let (id, answer) = match ended {
                Ok(ended) => ended,
                // A prober that panics says nothing of the backend.
                Err(error) => (error.id(), ProbeAnswer::Unasked),
            };
            if let Some(ticket) = self.tickets.remove(&id) {
                return (ticket, answer);
            }
        }
        pending().await
    }
}

/// Asks a backend at all of its addresses at once; one that answers is enough.
async fn ask(probes: Probes, probe: SuspectProbe, check: Probe) -> ProbeAnswer {
    let check = Arc::new(check);
    let mut asked = JoinSet::new();
    for addr in probe.addresses.iter() {
        let (probes, check) = (probes.clone(), Arc::clone(&check));
        let target = Target::new(&probe.backend, *addr);
        asked.spawn(async move { probes.probe(&target, &check, PROBE_TIMEOUT).await });
    }
    let mut said = ProbeAnswer::Unasked;
    while let Some(ended) = asked.join_next().await {
        let answer = ended.map_or(ProbeAnswer::Unasked, answer);
        said = match (said, answer) {
            (_, ProbeAnswer::Alive) => return ProbeAnswer::Alive,
            // Silence may be a lost packet, a refusal is not.
            (_, ProbeAnswer::Silent) | (ProbeAnswer::Silent, _) => ProbeAnswer::Silent,
            (_, ProbeAnswer::Refused) => ProbeAnswer::Refused,
            (said, _) => said,
        };
    }
    said
}

fn answer(ended: Result<(), ProbeError>) -> ProbeAnswer {
    match ended {
        Ok(()) => ProbeAnswer::Alive,
        Err(error) if error.is_local() => ProbeAnswer::Unasked,
        Err(ProbeError::Timeout { .. } | ProbeError::Connect(_) | ProbeError::Closed(_)) => {
            ProbeAnswer::Silent
        }
        Err(_) => ProbeAnswer::Refused,
    }
}

#[cfg(test)]
mod tests;
