use std::{cmp::Ordering, sync::Arc};

use lookaside_core::{Backend, ResolvedBackend};

use crate::{
    planner::merge::merge,
    table::{Standing, StandingState},
};

/// So many backends are named; of a roll-out of more, the number says enough.
const NAMED: usize = 20;

/// How the backends of a service differ from those of before.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) joined: Named,
    pub(super) left: Named,
    /// Of these, something that counts for the list.
    pub(super) changed: Named,
}

/// The first few of them, and how many they are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    names: Vec<String>,
    of: usize,
}

/// A backend and how it stands.
type Stands<'a> = (&'a ResolvedBackend, &'a Standing);

impl Difference {
    /// Both sorted by id.
    pub(super) fn between<'a>(
        old: impl Iterator<Item = Stands<'a>>,
        new: impl Iterator<Item = Stands<'a>>,
    ) -> Self {
        let mut difference = Self::default();
        for pair in merge(old, new, |(old, _), (new, _)| compare(old, new)) {
            match pair {
                (Some(before), Some(after)) if same(before, after) => {}
                (Some(_), Some(after)) => difference.changed.add(after),
                (Some((before, _)), None) => difference.left.add_name(&before.0),
                (None, Some(after)) => difference.joined.add(after),
                (None, None) => {}
            }
        }
        difference
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// By id. That of one that is the very same need not be read.
fn compare(old: &ResolvedBackend, new: &ResolvedBackend) -> Ordering {
    if Arc::ptr_eq(&old.0, &new.0) {
        return Ordering::Equal;
    }
    old.0.id.cmp(&new.0.id)
}

/// Whether clients could tell them apart, or a person who asks why they can.
fn same((old, was): Stands<'_>, (new, is): Stands<'_>) -> bool {
    let looks = |backend: &Backend| (backend.weight, backend.zone.clone(), backend.state);
    was.state == is.state
        && (Arc::ptr_eq(&old.1, &new.1) || old.1 == new.1)
        && (Arc::ptr_eq(&old.0, &new.0) || looks(&old.0) == looks(&new.0))
}

impl Named {
    fn add(&mut self, ((backend, _), standing): Stands<'_>) {
        match standing.state {
            StandingState::Serving => self.add_name(backend),
            state => self.push(|| format!("{} ({})", backend.id, state.as_str())),
        }
    }

    fn add_name(&mut self, backend: &Backend) {
        self.push(|| backend.id.to_string());
    }

    fn push(&mut self, name: impl FnOnce() -> String) {
        self.of += 1;
        if self.names.len() < NAMED {
            self.names.push(name());
        }
    }

    /// `None` if there are none.
    pub(super) fn text(&self) -> Option<String> {
        let more = self.of - self.names.len();
        match (self.of, more) {
            (0, _) => None,
            (_, 0) => Some(self.names.join(", ")),
            (_, more) => Some(format!("{} and {more} more", self.names.join(", "))),
        }
    }
}
