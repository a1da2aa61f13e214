use std::{collections::HashMap, sync::Arc, time::Instant};

use lookaside_core::{OutlierHost, OutlierSettings, sweep_outliers, uneject_all};

use super::tally::Tally;
use crate::{Address, CallTracker, SubchannelId};

/// The backends of a list, and how their calls fare. An address that is listed several
/// times is one backend.
#[derive(Default)]
pub(super) struct Hosts {
    /// In the order of the list.
    all: Vec<Host>,
    by_address: HashMap<Address, usize>,
}

pub(super) struct Host {
    /// As it is listed, and then as the child asked for it.
    address: Address,
    outlier: OutlierHost,
    tally: Arc<Tally>,
    tracker: Arc<dyn CallTracker>,
    /// Since the child has asked for it.
    subchannel: Option<SubchannelId>,
}

/// A backend that was ejected, or is back.
pub(super) struct Change {
    pub(super) address: Address,
    pub(super) ejected: bool,
    /// The child has its connection.
    in_use: bool,
}

impl Change {
    /// Whether the child cares.
    pub(super) fn is_in_use(&self) -> bool {
        self.in_use
    }
}

impl Hosts {
    /// Takes a new list. What is known of an address stays as long as it is listed; who
    /// leaves it while ejected is back, for as long as the child still has it.
    pub(super) fn update(&mut self, addresses: &[Address]) -> Vec<Change> {
        let mut before = std::mem::take(self);
        for address in addresses {
            let key = address.key();
            if self.by_address.contains_key(&key) {
                continue;
            }
            let mut host = Host::new(address.clone());
            if let Some(i) = before.by_address.get(&key) {
                host.inherit(&mut before.all[*i]);
            }
            self.by_address.insert(key, self.all.len());
            self.all.push(host);
        }
        let left = before.all.iter().filter(|host| host.is_ejected());
        left.map(|host| host.change(false)).collect()
    }

    /// The host of an address; none if it is not listed.
    pub(super) fn get_mut(&mut self, address: &Address) -> Option<&mut Host> {
        let found = self.by_address.get(&address.key())?;
        self.all.get_mut(*found)
    }

    /// Ends an interval `now`.
    pub(super) fn sweep(
        &mut self,
        settings: &OutlierSettings,
        now: Instant,
        rng: &mut fastrand::Rng,
    ) -> Vec<Change> {
        for host in &mut self.all {
            (host.outlier.successes, host.outlier.failures) = host.tally.take();
        }
        self.changes(|hosts| sweep_outliers(settings, hosts, now, rng))
    }

    /// Lets all back, since nobody is to be ejected any more.
    pub(super) fn uneject_all(&mut self) -> Vec<Change> {
        self.changes(|hosts| uneject_all(hosts.iter_mut().map(|host| &mut **host)))
    }

    fn changes(&mut self, act: impl FnOnce(&mut [&mut OutlierHost])) -> Vec<Change> {
        let before: Vec<_> = self.all.iter().map(Host::is_ejected).collect();
        let mut hosts: Vec<_> = self.all.iter_mut().map(|host| &mut host.outlier).collect();
        act(&mut hosts);
        let changed = self.all.iter().zip(before);
        let changed = changed.filter(|(host, before)| host.is_ejected() != *before);
        changed
            .map(|(host, before)| {
                let (address, outlier) = (&host.address, &host.outlier);
                let (successes, failures) = (outlier.successes, outlier.failures);
                if before {
                    tracing::info!(%address, "an outlier is back in use");
                } else {
                    tracing::warn!(%address, successes, failures, "an outlier, ejected");
                }
                host.change(!before)
            })
            .collect()
    }

    /// Forgets how calls have ended so far.
    pub(super) fn reset(&mut self) {
        for host in &self.all {
            host.tally.take();
        }
    }

    /// Who follows the calls of which connection, in the order of their ids.
    pub(super) fn trackers(&self) -> Box<[(SubchannelId, Arc<dyn CallTracker>)]> {
        let known = self.all.iter().filter_map(|host| {
            let id = host.subchannel?;
            Some((id, Arc::clone(&host.tracker)))
        });
        let mut trackers: Vec<_> = known.collect();
        trackers.sort_unstable_by_key(|(id, _)| *id);
        trackers.into()
    }
}

impl Host {
    fn new(address: Address) -> Self {
        let tally = Arc::<Tally>::default();
        Self {
            address,
            outlier: OutlierHost::default(),
            tracker: Arc::clone(&tally) as Arc<dyn CallTracker>,
            tally,
            subchannel: None,
        }
    }

    /// Takes all that is known of the same host in the list before, but not how it was
    /// listed.
    fn inherit(&mut self, before: &mut Self) {
        let listed = self.address.clone();
        std::mem::swap(self, before);
        self.address = listed;
    }

    pub(super) fn is_ejected(&self) -> bool {
        self.outlier.is_ejected()
    }

    /// The child asked for its connection.
    pub(super) fn asked_for(&mut self, address: &Address, subchannel: SubchannelId) {
        // With the token, and the say about its health, that the child's handle has.
        self.address.clone_from(address);
        self.subchannel = Some(subchannel);
    }

    fn change(&self, ejected: bool) -> Change {
        Change {
            address: self.address.clone(),
            ejected,
            in_use: self.subchannel.is_some(),
        }
    }
}
