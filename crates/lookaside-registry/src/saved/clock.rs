//! Times that outlive a process: the wall clock, with its faults.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// 9999-12-31T23:59:59Z, the last that RFC 3339 has a notation for.
const LAST: Duration = Duration::from_secs(253_402_300_799);

/// As in `2026-01-31T12:00:00.000Z`; the nearest such time, as clocks can be set to
/// anything.
pub(super) fn written(time: SystemTime) -> String {
    let time = time.clamp(UNIX_EPOCH, UNIX_EPOCH + LAST);
    humantime::format_rfc3339_millis(time).to_string()
}

/// Reads what [`written`] wrote.
pub(super) fn read(text: &str) -> Result<SystemTime, String> {
    humantime::parse_rfc3339(text).map_err(|error| format!("{text:?}: {error}"))
}

/// The same moment on the wall clock.
pub(super) fn wall(moment: Instant) -> SystemTime {
    let now = SystemTime::now();
    now.checked_sub(moment.elapsed()).unwrap_or(now)
}

/// The same moment on this process's timer. One that is still to come, because the clock
/// was set back, was now: how long ago it really was nobody knows.
pub(super) fn timer(time: SystemTime, wall: SystemTime, timer: Instant) -> Instant {
    let age = wall.duration_since(time).unwrap_or_default();
    timer.checked_sub(age).unwrap_or(timer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_survives_the_process_that_measured_it() {
        let (now, clock) = (Instant::now(), SystemTime::now());
        let year = Duration::from_secs(365 * 24 * 60 * 60);
        for age in [Duration::ZERO, Duration::from_secs(5), 10 * year] {
            assert_eq!(now - timer(clock - age, clock, now), age);
        }
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nothing_younger_than_now() {
        let (now, clock) = (Instant::now(), SystemTime::now());
        let later = clock + Duration::from_secs(3600);
        assert_eq!(timer(later, clock, now), now);
    }
}
