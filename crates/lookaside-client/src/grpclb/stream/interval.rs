use std::time::Duration;

/// How often to report: never, unless the balancer asks for a time above zero, and no
/// more often than `min`.
pub(in crate::grpclb) fn clamp(
    asked: Option<&prost_types::Duration>,
    min: Duration,
) -> Option<Duration> {
    // By hand: prost-types 0.14 negates, and overflows for the lowest number of seconds.
    let asked = asked?;
    let seconds = u64::try_from(asked.seconds).ok()?;
    let nanos = u32::try_from(asked.nanos).ok()?;
    let asked = Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos.into()));
    // What is longer than a century is as good as never, and no clock overflows.
    (asked > Duration::ZERO && asked < CENTURY).then(|| asked.max(min))
}

const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

#[cfg(test)]
mod tests;
