use tokio::time::Instant;

use super::Timings;

/// Whether a confirmed watch still delivers. Any response of it counts, and none is
/// believed dead before a read of the store has said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Liveness {
    /// Something came, or a read showed that there was nothing to come.
    Heard { at: Instant },
    /// A sign of life was asked for.
    Asked { at: Instant },
    /// A linearizable read is under way.
    Reading,
    /// The read showed a revision that the watch did not: it may be of another
    /// prefix, or on its way.
    CatchingUp { until: Instant, ask: Instant },
}

/// What to do about silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    AskProgress,
    Read,
    GiveUp,
}

impl Liveness {
    /// When [`Liveness::check`] is due.
    pub(super) fn deadline(&self, timings: &Timings) -> Option<Instant> {
        match *self {
            Self::Heard { at } => Some(at + timings.silence),
            Self::Asked { at } => Some(at + timings.answer),
            Self::Reading => None,
            Self::CatchingUp { until, ask } => Some(until.min(ask)),
        }
    }

    /// What is due now.
    pub(super) fn check(&mut self, now: Instant, timings: &Timings) -> Option<Doubt> {
        if self.deadline(timings).is_none_or(|due| now < due) {
            return None;
        }
        match *self {
            Self::Heard { .. } => {
                *self = Self::Asked { at: now };
                Some(Doubt::AskProgress)
            }
            Self::Asked { .. } => {
                *self = Self::Reading;
                Some(Doubt::Read)
            }
            Self::Reading => None,
            Self::CatchingUp { until, .. } if now >= until => Some(Doubt::GiveUp),
            Self::CatchingUp { until, .. } => {
                // A watch that has caught up answers.
                *self = Self::CatchingUp {
                    until,
                    ask: now + timings.silence,
                };
                Some(Doubt::AskProgress)
            }
        }
    }

    /// The read showed a revision that was not seen yet.
    pub(super) fn behind(now: Instant, timings: &Timings) -> Self {
        Self::CatchingUp {
            until: now + timings.catch_up,
            ask: now + timings.silence,
        }
    }
}
