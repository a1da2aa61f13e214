//! What operators put in place of what is registered and set, for a while.

mod place;
mod target;

use std::{collections::BTreeMap, fmt, sync::Arc, time::SystemTime};

pub use self::{
    place::{Cordons, Place, PlaceError},
    target::{Override, OverrideKeyError, OverrideTarget},
};
use crate::{Backend, BackendId, BackendState, Drops, Problem, Revision, ServiceName};

/// One consistent state of all overrides, at a revision of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverridesSnapshot {
    /// What the registry's revision was.
    pub revision: Revision,
    /// Every service that has an override's key, readable or not.
    pub services: BTreeMap<ServiceName, Arc<ServiceOverrides>>,
    /// Keys of which not even the service could be read.
    pub problems: Arc<[Problem]>,
}

/// The overrides of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceOverrides {
    /// In place of the drops that are set; none of them stay.
    pub drops: Option<Overridden<Drops>>,
    /// In place of the `fallback` that is set.
    pub fallback: Option<Overridden<bool>>,
    /// By backend, registered or not.
    pub backends: BTreeMap<BackendId, BackendOverrides>,
    /// Of all services: only [`ServiceName::all`] has them.
    pub cordons: Cordons,
    /// Keys of this service that could not be read and change nothing, sorted by key.
    pub problems: Vec<Problem>,
}

/// The overrides of one backend; at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackendOverrides {
    /// In place of the weight it is registered with; 0: drained.
    pub weight: Option<Overridden<u32>>,
    /// It gets no calls, whatever it says of itself.
    pub drain: Option<Overridden<()>>,
}

/// A value that an operator ordered, and what they left for others to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overridden<T> {
    /// What holds.
    pub value: T,
    /// Who, why, since when and until when.
    pub note: Arc<OverrideNote>,
}

/// Who ordered an override, and why: for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverrideNote {
    /// Who.
    pub by: Option<Arc<str>>,
    /// Why.
    pub reason: Option<Arc<str>>,
    /// When.
    pub at: Option<SystemTime>,
    /// When it ends by itself, as it was meant when it was written. Only the registry
    /// ends it: clocks differ.
    pub expires: Option<SystemTime>,
    /// The key it stands under.
    pub key: Arc<str>,
    /// When it was last written.
    pub revision: Revision,
}

impl fmt::Display for OverrideNote {
    /// `override of alice: disk is failing`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "override of {}", self.by.as_deref().unwrap_or("unknown"))?;
        match &self.reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

impl ServiceOverrides {
    /// Puts overrides of one service together; of two with the same target the later one
    /// counts.
    pub fn new(
        overrides: impl IntoIterator<Item = (Override, OverrideNote)>,
        problems: Vec<Problem>,
    ) -> Self {
        let mut all = Self {
            problems,
            ..Self::default()
        };
        for (value, note) in overrides {
            let note = Arc::new(note);
            match value {
                Override::Drops(value) => all.drops = Some(Overridden { value, note }),
                Override::Fallback(value) => all.fallback = Some(Overridden { value, note }),
                Override::Weight(id, value) => {
                    all.backends.entry(id).or_default().weight = Some(Overridden { value, note });
                }
                Override::Drain(id) => {
                    let drain = Some(Overridden { value: (), note });
                    all.backends.entry(id).or_default().drain = drain;
                }
                Override::Cordon(place) => {
                    all.cordons.0.insert(place, Overridden { value: (), note });
                }
            }
        }
        all
    }

    /// Whether nothing is overridden.
    pub fn is_empty(&self) -> bool {
        self.cordons.is_empty() && self.has_none_of_its_own()
    }

    /// Whether there are at most cordons, which are of all services and not of the one that
    /// they stand under.
    pub fn is_of_no_service(&self) -> bool {
        self.problems.is_empty() && self.has_none_of_its_own()
    }

    fn has_none_of_its_own(&self) -> bool {
        self.drops.is_none() && self.fallback.is_none() && self.backends.is_empty()
    }

    /// All of them, each with its note.
    pub fn iter(&self) -> impl Iterator<Item = (Override, &Arc<OverrideNote>)> {
        let drops = self.drops.iter();
        let drops = drops.map(|it| (Override::Drops(it.value.clone()), &it.note));
        let fallback = self.fallback.iter();
        let fallback = fallback.map(|it| (Override::Fallback(it.value), &it.note));
        let backends = self.backends.iter().flat_map(|(id, them)| {
            let drain = them.drain.iter();
            let drain = drain.map(|it| (Override::Drain(id.clone()), &it.note));
            let weight = them.weight.iter();
            drain.chain(weight.map(|it| (Override::Weight(id.clone(), it.value), &it.note)))
        });
        let cordons = self.cordons.iter();
        let cordons = cordons.map(|(place, note)| (Override::Cordon(place.clone()), note));
        drops.chain(fallback).chain(backends).chain(cordons)
    }
}

impl BackendOverrides {
    /// The backend as it is planned with.
    pub fn apply(&self, registered: &Backend) -> Backend {
        let mut backend = registered.clone();
        if let Some(weight) = &self.weight {
            backend.weight = weight.value;
        }
        if self.drain.is_some() {
            backend.state = BackendState::Draining;
        }
        backend
    }
}

#[cfg(test)]
mod tests;
