//! Backends that vanished and may be in lists all the same, or must be.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{PROPAGATION, State, Up, Witness, ago};
use crate::{
    expected::{Contents, Expected},
    timeline::Timeline,
    world::REGISTRATION_RETURNS,
};

/// How long the balancers of a run keep suspects, and how long a plan waits for them to
/// be asked.
const HELD: Duration = Duration::from_secs(30 + 3);

/// One that is dead is known to be so after two probes, a second apart and a second long.
const FOUND_DEAD: Duration = Duration::from_secs(4);

/// Too few to be a mass removal.
const FEW: usize = 2;

/// Live backends whose leases have all run out at once: no list may lack them.
#[derive(Clone, Debug)]
pub struct Kept {
    since: Instant,
    addresses: BTreeSet<SocketAddr>,
}

impl Witness {
    /// All leases run out at once now, as every view of the registry will say; the
    /// backends live.
    pub fn leases_run_out(&self) {
        let mut seen = self.lock();
        let addresses = seen
            .views
            .iter()
            // What has come just now is in no list yet.
            .flat_map(|view| view.since(ago(Instant::now(), PROPAGATION)))
            .map(|said| said.addresses())
            .reduce(|one, other| &one & &other)
            .unwrap_or_default();
        let servers = &seen.servers;
        let alive = |at: &SocketAddr| {
            let up = servers.get(at).map(Timeline::current);
            up == Some(&Up::Serving)
        };
        let addresses: BTreeSet<_> = addresses.into_iter().filter(alive).collect();
        seen.kept = (addresses.len() > FEW).then(|| Kept {
            since: Instant::now(),
            addresses,
        });
    }

    /// A backend changes by its own will: what lists must say of it is no longer certain.
    pub fn let_go(&self, at: SocketAddr) {
        if let Some(kept) = &mut self.lock().kept {
            kept.addresses.remove(&at);
        }
    }
}

impl State {
    /// Whether a list lacks a backend whose lease alone has run out.
    pub(super) fn lacks_kept(&self, replica: usize, list: &Contents) -> Option<SocketAddr> {
        let kept = self.kept.as_ref()?;
        // One that has started since knows nothing of them.
        let same = self.replicas[replica].age() > kept.since.elapsed();
        if !same || kept.since.elapsed() > REGISTRATION_RETURNS || list.backends.is_empty() {
            return None;
        }
        let listed: BTreeSet<_> = list.backends.keys().map(|(at, _)| *at).collect();
        kept.addresses.difference(&listed).next().copied()
    }

    /// Whether a message says what a view said, but for backends that vanished and may be
    /// kept.
    pub(super) fn is_told(
        &self,
        view: &Timeline<Arc<Expected>>,
        said: &Expected,
        told: Option<&Contents>,
        at: Instant,
    ) -> bool {
        if said.is_told_by(told) {
            return true;
        }
        let Some(list) = told else { return false };
        let mut kept = said.clone();
        for (before, after) in view.steps(ago(at, HELD)) {
            for address in after.vanished_since(before) {
                // A list of drops alone names nobody, but only backends make it one.
                let is_listed = list.backends.is_empty()
                    || list.backends.keys().any(|(listed, _)| *listed == address);
                let is_new = said.addresses().contains(&address);
                if is_listed && !is_new && self.was_alive(address, at) {
                    kept = kept.with(address, before);
                }
            }
        }
        kept.is_told_by(told)
    }

    /// Whether anything has vanished from a view of late, for which a plan may wait.
    pub(super) fn may_wait(view: &Timeline<Arc<Expected>>, from: Instant) -> bool {
        let mut steps = view.steps(from);
        steps.any(|(before, after)| after.vanished_since(before).next().is_some())
    }

    /// Whether calls to this address may come though no list should have it by the
    /// registry.
    pub(super) fn may_be_suspect(&self, address: SocketAddr, horizon: Instant) -> bool {
        self.views.iter().any(|view| {
            let mut steps = view.steps(ago(horizon, HELD));
            steps.any(|(before, after)| after.vanished_since(before).any(|it| it == address))
        })
    }

    /// Whether a probe of the last moments can have found it alive. A machine that
    /// vanished may still accept connections in this network.
    fn was_alive(&self, address: SocketAddr, at: Instant) -> bool {
        let server = self.servers.get(&address);
        server.is_some_and(|server| {
            let mut states = server.since(ago(at, FOUND_DEAD));
            states.any(|up| matches!(up, Up::Serving | Up::Vanished))
        })
    }
}
