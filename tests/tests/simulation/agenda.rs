//! What is still to happen in a run, by when.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::{Instant, sleep_until};

/// Steps in the order of their times; of the same time, in that in which they were added.
pub struct Agenda<Step> {
    steps: BTreeMap<(Instant, u64), Step>,
    serial: u64,
}

impl<Step> Agenda<Step> {
    pub fn new() -> Self {
        Self {
            steps: BTreeMap::new(),
            serial: 0,
        }
    }

    pub fn after(&mut self, wait: Duration, step: Step) {
        self.serial += 1;
        self.steps
            .insert((Instant::now() + wait, self.serial), step);
    }

    /// Waits for the next, and says when it was due; `None` when nothing is left to happen.
    pub async fn next(&mut self) -> Option<(Instant, Step)> {
        let ((at, _), step) = self.steps.pop_first()?;
        sleep_until(at).await;
        Some((at, step))
    }
}
