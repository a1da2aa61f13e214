//! Backends whose registration vanished, in words a person reads.

use std::{
    fmt::Write,
    time::{Duration, Instant, SystemTime},
};

use lookaside_core::{BackendId, Hold, Suspect};

use crate::table::Published;

/// The suspect of this id, if it is one.
pub(super) fn find<'a>(id: &BackendId, published: &'a Published) -> Option<&'a Suspect> {
    let suspects = &published.suspects;
    let index = suspects.binary_search_by(|it| it.backend.id.cmp(id));
    index.ok().map(|index| &suspects[index])
}

/// When its registration vanished.
pub(super) fn since(suspect: &Suspect) -> SystemTime {
    let now = SystemTime::now();
    let ago = suspect.since.elapsed();
    now.checked_sub(ago).unwrap_or(now)
}

/// Why it is in the list, and how an operator gets it out.
pub(super) fn reason(suspect: &Suspect) -> String {
    let ago = whole_seconds(suspect.since.elapsed());
    let mut reason = format!("its registration vanished {ago} s ago together with most others, ");
    let asked = if suspect.answered {
        "and it answers"
    } else {
        "and it is being asked whether it is alive"
    };
    // Writing into a `String` does not fail.
    let _ = match suspect.hold {
        Hold::Until(until) => {
            let left = whole_seconds(until.saturating_duration_since(Instant::now()));
            write!(
                reason,
                "{asked}; kept for {left} s at most (hold_down; set it to 0s to end this)"
            )
        }
        Hold::Standing { left } => {
            let left = whole_seconds(left);
            write!(
                reason,
                "{asked}; kept while the registry is lost, and then for {left} s at most \
                 (what is left of hold_down)"
            )
        }
    };
    reason
}

fn whole_seconds(time: Duration) -> u64 {
    time.as_secs_f64().round() as u64
}
