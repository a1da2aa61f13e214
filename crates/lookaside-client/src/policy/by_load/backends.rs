use std::sync::Arc;

use crate::{CallTracker, Pick, PickResult, Subchannel, SubchannelId, subchannel::IdMap};

/// What a policy knows of each backend, for as long as it has entries: pickers come and go.
#[derive(Debug)]
pub(crate) struct Backends<T>(IdMap<Arc<T>>);

/// One entry of a list, with what is known of its backend and follows its calls.
pub(crate) struct Entry<T> {
    subchannel: Subchannel,
    pub(crate) backend: Arc<T>,
    tracker: Arc<dyn CallTracker>,
    /// How many READY entries the backend has; entries are how a list weighs backends.
    pub(crate) listed: u32,
}

impl<T: CallTracker> Backends<T> {
    /// The entries over these connections, in their order.
    pub(crate) fn entries(
        &mut self,
        ready: Vec<Subchannel>,
        make: impl Fn() -> T,
    ) -> Box<[Entry<T>]> {
        let mut listed: IdMap<u32> =
            IdMap::with_capacity_and_hasher(ready.len(), Default::default());
        for subchannel in &ready {
            *listed.entry(subchannel.id()).or_default() += 1;
        }
        let entries = ready.into_iter().map(|subchannel| {
            let id = subchannel.id();
            let known = self.0.entry(id).or_insert_with(|| Arc::new(make()));
            let backend = Arc::clone(known);
            Entry {
                tracker: Arc::clone(&backend) as Arc<dyn CallTracker>,
                listed: listed[&id],
                subchannel,
                backend,
            }
        });
        entries.collect()
    }

    /// Forgets backends without an entry.
    pub(crate) fn retain(&mut self, has: &dyn Fn(SubchannelId) -> bool) {
        self.0.retain(|id, _| has(*id));
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn known(&self) -> usize {
        self.0.len()
    }
}

impl<T> Default for Backends<T> {
    fn default() -> Self {
        Self(IdMap::default())
    }
}

impl<T> Entry<T> {
    /// Sends the call there, and its attempt's tale to what is known of the backend.
    pub(crate) fn pick(&self) -> PickResult<'_> {
        let mut pick = Pick::new(&self.subchannel);
        pick.watch(&self.tracker);
        PickResult::Pick(pick)
    }
}
