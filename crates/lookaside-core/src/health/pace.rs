use std::time::Duration;

/// The share by which the time between two probes is longer or shorter at random: probes
/// of different balancers, and of backends that were registered together, drift apart.
const JITTER: f64 = 0.1;

/// How long until an address is probed for the first time: anywhere within one interval,
/// so that those of a service are spread over it.
pub fn first_wait(interval: Duration, rng: &mut fastrand::Rng) -> Duration {
    interval.mul_f64(rng.f64())
}

/// How long from the beginning of one probe to that of the next.
pub fn next_wait(interval: Duration, rng: &mut fastrand::Rng) -> Duration {
    interval.mul_f64(1.0 + JITTER * (2.0 * rng.f64() - 1.0))
}

#[cfg(test)]
mod tests;
