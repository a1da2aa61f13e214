//! How often the client may try again.

use std::{net::SocketAddr, time::Duration};

use tokio::time::Instant;

use super::script::Stream;
use crate::{
    dials::{Dial, Dials},
    log::Log,
};

use super::places::{CLIENT, is_balancer};

/// The least time between two attempts, whatever happens.
const FLOOR: Duration = Duration::from_millis(49);

/// The first back-off and its growth, at its shortest: 1 s less 20 %, times 1.6.
const FIRST: f64 = 0.8;
const GROWTH: f64 = 1.6;
const LONGEST: f64 = 96.0;

/// Let go of for so long, a connection and its back-off are forgotten.
const LINGER: Duration = Duration::from_secs(10);

/// More streams than this in so long are a loop: after each there is a wait, 125 ms at first
/// and 1.6 times longer each time.
const MOST_STREAMS: usize = 14;
const SPAN: Duration = Duration::from_secs(10);

/// `unnamed`: when there were no balancers, and what was known of them went.
pub fn check(dials: &Dials, streams: &[Stream], unnamed: &[Instant], log: &Log) {
    for (to, dials) in dials.of(CLIENT) {
        let forgotten = if is_balancer(to) { unnamed } else { &[] };
        check_dials(to, dials, forgotten, log);
    }
    for window in streams.windows(MOST_STREAMS + 1) {
        let took = window[MOST_STREAMS].opened - window[0].opened;
        if took < SPAN {
            let many = window.len();
            log.violation(format!("{many} streams to balancers within {took:?}"));
        }
    }
}

fn check_dials(to: SocketAddr, dials: &[Dial], forgotten: &[Instant], log: &Log) {
    let mut failed = 0;
    let mut last: Option<Instant> = None;
    for dial in dials {
        let gap = last.map(|last| dial.at - last);
        if let Some(gap) = gap {
            // It may have been let go of meanwhile, and begun anew.
            let since = |at: &Instant| last.is_some_and(|last| (last..=dial.at).contains(at));
            if gap >= LINGER || forgotten.iter().any(since) {
                failed = 0;
            }
            let least = least(failed);
            if gap < least {
                let broken =
                    format!("{to} dialled after {gap:?}, the {failed} before failed: {least:?}");
                log.violation(broken);
            }
        }
        failed = if dial.reached { 0 } else { failed + 1 };
        last = Some(dial.at);
    }
}

/// After so many failures in a row.
fn least(failed: i32) -> Duration {
    if failed == 0 {
        return FLOOR;
    }
    let wait = (FIRST * GROWTH.powi(failed - 1)).min(LONGEST);
    // Gaps that are longer are not told from new beginnings.
    Duration::from_secs_f64(wait).min(LINGER) - Duration::from_millis(1)
}
