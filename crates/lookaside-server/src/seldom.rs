use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How often a line of a kind is logged.
const INTERVAL: Duration = Duration::from_secs(10);

/// Lets one event of a kind through in a while: what any peer can cause must not fill the
/// log.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<HashMap<&'static str, Kind>>);

#[derive(Debug)]
struct Kind {
    next: Instant,
    kept_back: u64,
}

impl Seldom {
    /// Whether to tell of this one, and if so, how many were kept back since the last.
    pub(crate) fn pass(&self, kind: &'static str, now: Instant) -> Option<u64> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = kinds.entry(kind).or_insert(Kind {
            next: now,
            kept_back: 0,
        });
        if now < kind.next {
            kind.kept_back += 1;
            return None;
        }
        let kept_back = std::mem::take(&mut kind.kept_back);
        kind.next = now + INTERVAL;
        Some(kept_back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_each_kind_passes_and_the_next_tells_how_many_did_not() {
        let seldom = Seldom::default();
        let start = Instant::now();
        assert_eq!(seldom.pass("a", start), Some(0));
        assert_eq!(seldom.pass("b", start), Some(0));
        for _ in 0..3 {
            assert_eq!(seldom.pass("a", start), None);
        }
        assert_eq!(seldom.pass("a", start + INTERVAL), Some(3));
        assert_eq!(seldom.pass("a", start + INTERVAL), None);
    }
}
