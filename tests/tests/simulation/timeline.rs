//! What was in force when.

use std::time::Duration;

use tokio::time::Instant;

/// A value over time.
#[derive(Debug)]
pub struct Timeline<T>(Vec<(Instant, T)>);

impl<T> Timeline<T> {
    pub fn new(value: T) -> Self {
        Self(vec![(Instant::now(), value)])
    }

    /// From now on.
    pub fn set(&mut self, value: T) {
        self.0.push((Instant::now(), value));
    }

    pub fn current(&self) -> &T {
        &self.0.last().expect("never empty").1
    }

    /// For how long the current value has been in force.
    pub fn age(&self) -> Duration {
        self.0.last().expect("never empty").0.elapsed()
    }

    /// The values that were in force at `from` or later.
    pub fn since(&self, from: Instant) -> impl Iterator<Item = &T> {
        let begun = self.0.partition_point(|(at, _)| *at <= from);
        self.0[begun.saturating_sub(1)..].iter().map(|(_, it)| it)
    }

    /// Each value that came into force at `from` or later, with the one before it.
    pub fn steps(&self, from: Instant) -> impl Iterator<Item = (&T, &T)> {
        let steps = self.0.windows(2);
        steps
            .filter(move |step| step[1].0 >= from)
            .map(|step| (&step[0].1, &step[1].1))
    }

    /// When each value came into force.
    pub fn changes(&self) -> impl DoubleEndedIterator<Item = (Instant, &T)> {
        self.0.iter().map(|(at, value)| (*at, value))
    }
}
