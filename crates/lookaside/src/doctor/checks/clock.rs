use std::time::{Duration, SystemTime};

use super::{super::Facts, seen};
use crate::{
    doctor::{Finding, facts::Clock},
    output::ago,
};

/// Clocks that are kept agree to milliseconds. Beyond this, times in logs of two machines
/// cannot be put side by side.
const NOTICED: Duration = Duration::from_secs(2);

/// Beyond this, certificates and expiries of overrides are judged wrongly.
const WRONG: Duration = Duration::from_secs(60);

/// Whether the balancers' clocks agree with ours.
pub(super) fn skew(facts: &Facts) -> Vec<Finding> {
    let finding = |address: &lookaside_core::HostPort, clock: Clock| {
        let off = off(clock);
        let direction = if clock.balancer > clock.ours {
            "ahead of"
        } else {
            "behind"
        };
        let verdict = match off {
            off if off > WRONG => Finding::fail,
            off if off > NOTICED => Finding::warn,
            _ => {
                let message = format!("agrees with this machine's within {}", ago(NOTICED));
                return Finding::ok("clock", address, message);
            }
        };
        let message = format!("is {} {direction} this machine's", ago(off));
        verdict("clock", address, message).advise("keep both by NTP: one of them is wrong")
    };
    seen(facts)
        .filter_map(|(address, seen)| Some(finding(address, seen.clock?)))
        .collect()
}

/// How far it is off at least.
fn off(clock: Clock) -> Duration {
    let apart = |a: SystemTime, b: SystemTime| a.duration_since(b).ok();
    let off = apart(clock.balancer, clock.ours).or_else(|| apart(clock.ours, clock.balancer));
    off.unwrap_or_default().saturating_sub(clock.within)
}
