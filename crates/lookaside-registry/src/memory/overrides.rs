use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use lookaside_core::{
    Override, OverrideNote, OverrideTarget, OverridesSnapshot, Revision, ServiceName,
    ServiceOverrides,
};
use tokio::time::Instant;

use crate::OverrideError;

/// How many overrides are kept: operators are people, and a script that runs wild shall
/// not fill the memory.
pub(super) const MAX_OVERRIDES: usize = 10_000;

/// Operators' overrides, and when they end. Pure: time is an argument.
#[derive(Debug, Default)]
pub(super) struct OverrideTable {
    services: BTreeMap<ServiceName, BTreeMap<OverrideTarget, Held>>,
    count: usize,
    /// The next to end first.
    expiries: BTreeSet<(Instant, ServiceName, OverrideTarget)>,
    /// Services written since the last publication.
    written: BTreeSet<ServiceName>,
}

#[derive(Debug)]
struct Held {
    order: Override,
    note: OverrideNote,
    ends: Option<Instant>,
}

impl OverrideTable {
    /// Records an override at a revision.
    pub(super) fn put(
        &mut self,
        now: Instant,
        service: ServiceName,
        (order, note): (Override, OverrideNote),
        ttl: Option<Duration>,
        (expected, revision): (Option<Revision>, Revision),
    ) -> Result<(), OverrideError> {
        OverrideError::check(&note, ttl)?;
        let target = order.target();
        let found = self.revision(&service, &target);
        OverrideError::compare(&service, &target, expected, found)?;
        if found == 0 && self.count >= MAX_OVERRIDES {
            return Err(OverrideError::Full(MAX_OVERRIDES));
        }
        self.remove(&service, &target);
        let ends = ttl.map(|ttl| now + ttl);
        if let Some(ends) = ends {
            self.expiries
                .insert((ends, service.clone(), target.clone()));
        }
        let note = OverrideNote {
            key: target.key(&service).into(),
            revision,
            ..note
        };
        self.count += 1;
        self.written.insert(service.clone());
        let of_service = self.services.entry(service).or_default();
        of_service.insert(target, Held { order, note, ends });
        Ok(())
    }

    /// Ends an override; says whether there was one.
    pub(super) fn delete(
        &mut self,
        service: &ServiceName,
        target: &OverrideTarget,
        expected: Option<Revision>,
    ) -> Result<bool, OverrideError> {
        match self.revision(service, target) {
            0 => return Ok(false),
            found => OverrideError::compare(service, target, expected, found)?,
        }
        Ok(self.remove(service, target))
    }

    /// Ends what has had its time; says whether anything has.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let mut any = false;
        while let Some((at, service, target)) = self.expiries.first()
            && *at <= now
        {
            let (service, target) = (service.clone(), target.clone());
            any |= self.remove(&service, &target);
        }
        any
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.expiries.first().map(|(at, ..)| *at)
    }

    /// The state after what was written since `last`; `None` if nothing was.
    pub(super) fn publish(
        &mut self,
        last: Option<&Arc<OverridesSnapshot>>,
        revision: Revision,
    ) -> Option<Arc<OverridesSnapshot>> {
        let written = std::mem::take(&mut self.written);
        if written.is_empty() {
            return None;
        }
        let mut services = last.map_or_else(BTreeMap::new, |last| last.services.clone());
        for service in written {
            match self.services.get(&service) {
                Some(them) => {
                    let noted = them.values().map(|it| (it.order.clone(), it.note.clone()));
                    let overrides = ServiceOverrides::new(noted, Vec::new());
                    services.insert(service, Arc::new(overrides));
                }
                None => _ = services.remove(&service),
            }
        }
        Some(Arc::new(OverridesSnapshot {
            revision,
            services,
            problems: Arc::default(),
        }))
    }

    /// 0 where there is none.
    fn revision(&self, service: &ServiceName, target: &OverrideTarget) -> Revision {
        let held = self.services.get(service).and_then(|it| it.get(target));
        held.map_or(0, |held| held.note.revision)
    }

    fn remove(&mut self, service: &ServiceName, target: &OverrideTarget) -> bool {
        let Some(of_service) = self.services.get_mut(service) else {
            return false;
        };
        let Some(held) = of_service.remove(target) else {
            return false;
        };
        if of_service.is_empty() {
            self.services.remove(service);
        }
        if let Some(ends) = held.ends {
            self.expiries
                .remove(&(ends, service.clone(), target.clone()));
        }
        self.count -= 1;
        self.written.insert(service.clone());
        true
    }
}

#[cfg(test)]
mod tests;
