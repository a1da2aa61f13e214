//! What streams may say.

use std::sync::Arc;

use tokio::time::Instant;

use super::{PROPAGATION, State, Witness, ago};
use crate::expected::{Contents, Expected};

/// What a stream said last.
#[derive(Clone, Debug)]
pub struct Told {
    /// `None`: fall back.
    pub contents: Option<Contents>,
    pub at: Instant,
}

impl Witness {
    /// A stream of a replica has said something.
    pub fn told(&self, replica: usize, told: Told) {
        let mut seen = self.lock();
        let Some(view) = seen.views.get(replica) else {
            return;
        };
        let recent = ago(told.at, PROPAGATION);
        let fits = |said: &Arc<Expected>| said.is_told_by(told.contents.as_ref());
        if !view.since(recent).any(fits) {
            let broken = format!(
                "replica {replica} says {:?}, which it was not told since {PROPAGATION:?}: {:?}",
                told.contents,
                view.since(recent).collect::<Vec<_>>()
            );
            self.log.violation(broken);
        }
        seen.told.insert(replica, told);
    }

    /// A stream of a replica has ended.
    pub fn untold(&self, replica: usize) {
        self.lock().told.remove(&replica);
    }

    /// What has been so for long enough must have been said.
    pub(super) fn check_told(&self, seen: &State) {
        for (replica, told) in &seen.told {
            let (view, healthy) = (&seen.views[*replica], &seen.replicas[*replica]);
            if *healthy.current()
                && view.age() > PROPAGATION
                && told.at.elapsed() > PROPAGATION
                && !view.current().is_told_by(told.contents.as_ref())
            {
                let broken = format!(
                    "replica {replica} has not said for {:?} that it is told {:?}; it last said {:?}",
                    view.age(),
                    view.current(),
                    told.contents
                );
                self.log.violation(broken);
            }
        }
    }
}
