//! What streams may say.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{State, Witness, ago};
use crate::{
    expected::{Contents, Expected},
    timeline::Timeline,
};

/// A burst is merged for a second; the rest is latency.
const SAID: Duration = Duration::from_millis(1250);

/// A plan waits so long for backends that vanished to be asked.
const ASKED: Duration = Duration::from_secs(3);

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
        let recent = ago(told.at, seen.patience(view, told.at));
        let fits = |said: &Arc<Expected>| seen.is_told(view, said, told.contents.as_ref(), told.at);
        if !view.since(recent).any(fits) {
            let broken = format!(
                "replica {replica} says {:?}, which it was not told since {SAID:?}: {:?}",
                told.contents,
                view.since(recent).collect::<Vec<_>>()
            );
            self.log.violation(broken);
        }
        if let Some(list) = &told.contents
            && let Some(address) = seen.lacks_kept(replica, list)
        {
            let broken = format!("the list of replica {replica} lacks {address}, which lives");
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
            let (now, contents) = (Instant::now(), told.contents.as_ref());
            let patience = seen.patience(view, now);
            if *healthy.current()
                && view.age() > patience
                && told.at.elapsed() > patience
                && !seen.is_told(view, view.current(), contents, now)
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

impl State {
    /// How long a stream may take to say what a view says.
    fn patience(&self, view: &Timeline<Arc<Expected>>, at: Instant) -> Duration {
        if Self::may_wait(view, ago(at, 2 * (SAID + ASKED))) {
            SAID + ASKED
        } else {
            SAID
        }
    }
}
