//! How flags are read.

use std::time::Duration;

use lookaside_core::HostPort;
use lookaside_registry::{check_ttl, check_zone};

use crate::config::parse_duration;

/// An address that can be connected to.
pub(super) fn dialable(text: &str) -> Result<HostPort, String> {
    let parsed = text.trim().parse::<HostPort>();
    parsed
        .and_then(HostPort::dialable)
        .map_err(|error| error.to_string())
}

/// A time to live that registries take.
pub(super) fn ttl(text: &str) -> Result<Duration, String> {
    check_ttl(parse_duration(text)?).map_err(|error| error.to_string())
}

/// For how long an override may be ordered: what balancers take.
pub(super) fn term(text: &str) -> Result<Duration, String> {
    const SHORTEST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(366 * 86_400);
    match parse_duration(text) {
        Ok(term) if (SHORTEST..=LONGEST).contains(&term) => Ok(term),
        _ => Err("expected a time from 1s to 366d, such as 10m or 2h".to_owned()),
    }
}

/// A duration above zero.
pub(super) fn some_time(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("must be above zero".to_owned()),
        duration => Ok(duration),
    }
}

/// Calls a second: from one in a quarter of an hour to a million.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.001..=1e6).contains(&rate) => Ok(rate),
        _ => Err("expected a number of calls a second from 0.001 to 1000000".to_owned()),
    }
}

/// As a registry takes it.
pub(super) fn zone(text: &str) -> Result<String, String> {
    match check_zone(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
