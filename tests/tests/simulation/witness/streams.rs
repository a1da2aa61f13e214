//! What streams may say.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{State, Witness, ago};
use crate::expected::{Contents, Expected};

/// A burst is merged for a second; the rest is latency.
const SAID: Duration = Duration::from_millis(1250);

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
        let recent = ago(told.at, SAID);
        let fits = |said: &Arc<Expected>| said.is_told_by(told.contents.as_ref());
        if !view.since(recent).any(fits) {
            let broken = format!(
                "replica {replica} says {:?}, which it was not told since {SAID:?}: {:?}",
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
                && view.age() > SAID
                && told.at.elapsed() > SAID
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
