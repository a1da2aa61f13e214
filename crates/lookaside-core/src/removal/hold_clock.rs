use std::time::{Duration, Instant};

/// The time that counts against `hold_down`. It stands while the registry is lost: nobody
/// can register again then, and a registry that goes away changes nothing (rule 3 of
/// `docs/lists.md`).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HoldClock {
    /// How long it has stood, but for the time that it stands now.
    stood: Duration,
    stands_since: Option<Instant>,
}

/// A moment on a [`HoldClock`]. Only that clock can say when it is or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HoldTime(Instant);

impl HoldClock {
    /// Stops it or lets it go on; says whether that is anything new.
    pub(super) fn stand(&mut self, stands: bool, now: Instant) -> bool {
        match (self.stands_since, stands) {
            (None, true) => self.stands_since = Some(now),
            (Some(since), false) => {
                self.stood += now.saturating_duration_since(since);
                self.stands_since = None;
            }
            (None, false) | (Some(_), true) => return false,
        }
        true
    }

    pub(super) fn stands_since(&self) -> Option<Instant> {
        self.stands_since
    }

    /// What it says.
    pub(super) fn read(&self, now: Instant) -> HoldTime {
        self.at(self.stands_since.unwrap_or(now))
    }

    /// What it would have said then, had it run since.
    pub(super) fn at(&self, moment: Instant) -> HoldTime {
        // It has stood for no longer than this process runs.
        HoldTime(moment.checked_sub(self.stood).unwrap_or(moment))
    }

    /// When it would have said that, had it run since.
    pub(super) fn moment(&self, time: HoldTime) -> Instant {
        time.0 + self.stood
    }
}
