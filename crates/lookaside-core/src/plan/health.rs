use std::{fmt, sync::Arc};

use super::Endpoint;
use crate::Ejections;

/// What a service's health checks found.
#[derive(Clone, Copy, Debug)]
pub struct Health<'a> {
    /// The addresses that are to get no calls.
    pub ejections: &'a Ejections,
    /// When less than this share (0 to 1) of the addresses that could take calls is
    /// healthy, all get calls: that many rarely fail by themselves, and what is left
    /// could not carry the load. 0: never.
    pub panic: f64,
}

/// Health is ignored, because too little of the service would be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panic {
    /// Addresses that are healthy.
    pub healthy: usize,
    /// Addresses that could take calls.
    pub of: usize,
}

impl Panic {
    /// Whether so few healthy ones are reason to.
    pub(super) fn check(healthy: usize, of: usize, threshold: f64) -> Option<Self> {
        // 11 of 20 are no less than 0.55 of them, although 0.55 * 20.0 is above 11.
        let needed = threshold * of as f64 * (1.0 - 1e-9);
        ((healthy as f64) < needed).then_some(Self { healthy, of })
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { healthy, of } = self;
        write!(
            f,
            "panic: only {healthy} of {of} addresses are healthy, so health is ignored"
        )
    }
}

/// Those of a backend's endpoints that are not ejected; nothing where all are well.
pub(super) fn left(endpoints: &[Arc<Endpoint>], ejections: &Ejections) -> Left {
    let ejected = match endpoints.first() {
        Some(endpoint) => ejections.of(endpoint.id()),
        None => return None,
    };
    let is_ejected = |endpoint: &Endpoint| ejected.iter().any(|it| it.addr == endpoint.addr);
    if !endpoints.iter().any(|endpoint| is_ejected(endpoint)) {
        return None;
    }
    let well = endpoints.iter().filter(|endpoint| !is_ejected(endpoint));
    Some(Box::new(well.cloned().collect()))
}

/// What ejections leave of a backend's endpoints, where there are any. A thin pointer: one
/// is kept for each backend, and hardly any of them is ever used.
pub(super) type Left = Option<Box<Vec<Arc<Endpoint>>>>;

#[cfg(test)]
mod tests;
