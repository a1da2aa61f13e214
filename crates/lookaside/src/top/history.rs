use std::{collections::VecDeque, time::Duration};

/// Clients report every 10 s by default (`report_interval`): over three of these a
/// steady load is a steady figure.
const WINDOW: Duration = Duration::from_secs(30);

/// A counter that was followed for less says little: a report holds the calls of 10 s, and comes
/// at once.
const LEAST: Duration = Duration::from_secs(10);

/// What a counter was, to say how fast it grows.
#[derive(Clone, Debug, Default)]
pub(super) struct History(VecDeque<(Duration, u64)>);

impl History {
    /// It is `value` now. A counter that fell is another one: the balancer was restarted.
    pub(super) fn add(&mut self, now: Duration, value: u64) {
        if self.0.back().is_some_and(|(_, last)| *last > value) {
            self.0.clear();
        }
        self.0.push_back((now, value));
        // The first one stays until another is as old as the window.
        while self
            .0
            .get(1)
            .is_some_and(|(at, _)| now.saturating_sub(*at) >= WINDOW)
        {
            self.0.pop_front();
        }
    }

    /// By how much it grew a second; `None` until it was followed for the time of a report.
    pub(super) fn per_second(&self) -> Option<f64> {
        let ((from, before), (to, now)) = (self.0.front()?, self.0.back()?);
        let time = to.checked_sub(*from)?;
        (time >= LEAST).then(|| (now - before) as f64 / time.as_secs_f64())
    }
}
