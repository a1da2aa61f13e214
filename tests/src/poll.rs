//! Waiting for a condition.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const EVERY: Duration = Duration::from_millis(20);

/// Waits until `condition` gives a value, looking again and again; panics with `what`
/// and the last answer when it has not within `bound`.
pub async fn eventually<T, E: std::fmt::Debug>(
    what: &str,
    bound: Duration,
    mut condition: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let start = Instant::now();
    loop {
        match condition().await {
            Ok(value) => return value,
            Err(last) if start.elapsed() > bound => {
                panic!("not within {bound:?}: {what}; last seen: {last:?}")
            }
            Err(_) => tokio::time::sleep(EVERY).await,
        }
    }
}

/// `Ok` if `holds`, for use in [`eventually`].
///
/// # Errors
/// What was seen, if not.
pub fn check<T: std::fmt::Debug>(holds: bool, seen: T) -> Result<T, T> {
    if holds { Ok(seen) } else { Err(seen) }
}
