use std::sync::Arc;

use super::{
    Controller, FailingPicker, PickError, Picker, PolicyState, QueuingPicker, WorkScheduler,
};
use crate::{
    Address, ConnectivityState, ResolverUpdate, Subchannel, SubchannelId, SubchannelState,
    subchannel::{IdMap, IdSet},
};

/// The entries of a list, all of them kept connected: what the policies that spread calls
/// over every address have in common. An address that is listed several times has one
/// connection and as many entries.
///
/// A new list replaces the old one when one of its backends is READY, or none of the old
/// list's is, or all of its own have failed: make before break.
///
/// State changes are gathered and published once, so that a long list that connects all
/// at once does not cost a picker per connection.
pub(crate) struct Entries {
    work: WorkScheduler,
    /// What calls are spread over.
    current: Vec<Subchannel>,
    /// What takes its place as soon as it can.
    pending: Option<Vec<Subchannel>>,
    /// Of the subchannels in both lists.
    states: IdMap<Tracked>,
    resolver_error: Option<PickError>,
    last_error: Option<PickError>,
    changed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tracked {
    Connecting,
    Ready,
    /// Sticky: until READY, whatever it tries in between (gRPC's connectivity semantics
    /// for petiole policies, A61).
    Failed,
}

impl Entries {
    pub(crate) fn new(work: WorkScheduler) -> Self {
        Self {
            work,
            current: Vec::new(),
            pending: None,
            states: IdMap::default(),
            resolver_error: None,
            last_error: None,
            changed: false,
        }
    }

    /// Takes what the resolver found; says whether that is to be published.
    pub(crate) fn resolver_update(
        &mut self,
        update: &ResolverUpdate,
        controller: &mut dyn Controller,
    ) -> bool {
        match &update.addresses {
            Ok(addresses) => self.set_addresses(addresses, controller),
            // The last good addresses stay in use.
            Err(error) if !self.current.is_empty() => {
                tracing::warn!(%error, "could not resolve again, the addresses stay");
                return false;
            }
            Err(error) => self.resolver_error = Some(PickError::new(error.to_string())),
        }
        true
    }

    fn set_addresses(&mut self, addresses: &[Address], controller: &mut dyn Controller) {
        let mut states = IdMap::with_capacity_and_hasher(addresses.len(), Default::default());
        let entries: Vec<_> = addresses
            .iter()
            .map(|address| {
                let (subchannel, state) = controller.new_subchannel(address);
                let id = subchannel.id();
                let known = self.states.get(&id).copied();
                if known.is_none() && state.connectivity == ConnectivityState::Idle {
                    subchannel.connect();
                }
                let tracked = known.unwrap_or_else(|| Tracked::new(&state));
                states.insert(id, tracked);
                subchannel
            })
            .collect();
        // A list that was still pending goes. With its handles goes the news of its
        // subchannels, so that what was known of them may not be used later.
        let current: IdSet = self.current.iter().map(Subchannel::id).collect();
        self.states.retain(|id, _| current.contains(id));
        self.states.extend(states);
        self.pending = Some(entries);
        self.resolver_error = None;
    }

    /// Takes a state, and has what changes published with the next work. Says whether the
    /// subchannel has just become READY.
    pub(crate) fn subchannel_update(
        &mut self,
        subchannel: &Subchannel,
        state: &SubchannelState,
        controller: &mut dyn Controller,
    ) -> bool {
        let Some(tracked) = self.states.get_mut(&subchannel.id()) else {
            return false;
        };
        let before = *tracked;
        let connectivity = state.checked_connectivity();
        *tracked = match connectivity {
            ConnectivityState::Connecting | ConnectivityState::Idle
                if before == Tracked::Failed =>
            {
                Tracked::Failed
            }
            _ => Tracked::new(state),
        };
        let changed = *tracked != before;
        let became_ready = changed && *tracked == Tracked::Ready;
        if let Some(error) = &state.error {
            self.last_error = Some(error.clone());
        }
        match connectivity {
            // No backend stays idle: the next call must find it connected.
            ConnectivityState::Idle => {
                subchannel.connect();
                if before == Tracked::Ready {
                    controller.request_resolution();
                }
            }
            ConnectivityState::TransientFailure => controller.request_resolution(),
            _ => {}
        }
        // A repeated failure only has a newer text.
        if changed || connectivity == ConnectivityState::TransientFailure {
            self.changed = true;
            self.work.schedule_work();
        }
        became_ready
    }

    /// Whether states have changed since the last publication.
    pub(crate) fn changed(&self) -> bool {
        self.changed
    }

    /// Brings the newest list into force if its time has come, and publishes: with `picker`
    /// over the READY entries in the order of the list, if there are any.
    pub(crate) fn publish(
        &mut self,
        controller: &mut dyn Controller,
        picker: impl FnOnce(Vec<Subchannel>) -> Arc<dyn Picker>,
    ) {
        self.changed = false;
        self.promote_pending();
        let is_ready = |entry: &&Subchannel| self.states.get(&entry.id()) == Some(&Tracked::Ready);
        // All of them as a rule, and then no larger than a picker's slice.
        let mut ready = Vec::with_capacity(self.current.len());
        ready.extend(self.current.iter().filter(is_ready).cloned());
        let state = if !ready.is_empty() {
            PolicyState::new(ConnectivityState::Ready, picker(ready))
        } else if !self.all(&self.current, Tracked::Failed) {
            PolicyState::new(ConnectivityState::Connecting, Arc::new(QueuingPicker))
                .with_last_error(self.last_error.clone())
        } else {
            let error = self.failure();
            PolicyState::new(
                ConnectivityState::TransientFailure,
                Arc::new(FailingPicker(error.clone())),
            )
            .with_last_error(Some(error))
        };
        controller.update_picker(state);
    }

    /// Whether an entry, in force or pending, is one of this subchannel's.
    pub(crate) fn has(&self, id: SubchannelId) -> bool {
        self.states.contains_key(&id)
    }

    /// How many subchannels it knows of.
    #[cfg(test)]
    pub(crate) fn known(&self) -> usize {
        self.states.len()
    }

    fn any(&self, entries: &[Subchannel], wanted: Tracked) -> bool {
        let is = |entry: &Subchannel| self.states.get(&entry.id()) == Some(&wanted);
        entries.iter().any(is)
    }

    fn all(&self, entries: &[Subchannel], wanted: Tracked) -> bool {
        let is = |entry: &Subchannel| self.states.get(&entry.id()) == Some(&wanted);
        entries.iter().all(is)
    }

    fn promote_pending(&mut self) {
        let Some(pending) = &self.pending else { return };
        let due = self.any(pending, Tracked::Ready)
            || !self.any(&self.current, Tracked::Ready)
            || self.all(pending, Tracked::Failed);
        if due && let Some(pending) = self.pending.take() {
            let kept: IdSet = pending.iter().map(Subchannel::id).collect();
            self.states.retain(|id, _| kept.contains(id));
            self.current = pending;
        }
    }

    fn failure(&self) -> PickError {
        match (&self.resolver_error, self.current.len(), &self.last_error) {
            (Some(error), 0, _) => error.clone(),
            (_, 0, _) => PickError::new("there are no addresses"),
            (_, 1, Some(error)) => PickError::new(format!("no connection to {error}")),
            (_, entries, Some(error)) => PickError::new(format!(
                "none of {entries} addresses is reachable, the last: {error}"
            )),
            (_, entries, None) => {
                PickError::new(format!("none of {entries} addresses is reachable"))
            }
        }
    }
}

impl Tracked {
    fn new(state: &SubchannelState) -> Self {
        match state.checked_connectivity() {
            ConnectivityState::Ready => Self::Ready,
            ConnectivityState::TransientFailure => Self::Failed,
            _ => Self::Connecting,
        }
    }
}
