use std::time::Duration;

use lookaside_agent::{TokenCheck, TokenCounts};
use tokio::time::{Instant, interval_at};

/// How often it is told what was wrong with calls: soon enough for who looks, and no flood
/// of lines when every call is wrong.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Logs, every 10 s in which there were some, the calls whose tokens were invalid or
/// missing. Never returns.
pub(crate) async fn report(check: TokenCheck) {
    let mut interval = interval_at(Instant::now() + REPORT_INTERVAL, REPORT_INTERVAL);
    let mut before = TokenCounts::default();
    loop {
        interval.tick().await;
        let now = check.counts();
        if now.invalid() + now.missing > before.invalid() + before.missing {
            tracing::warn!(
                valid = now.valid - before.valid,
                missing = now.missing - before.missing,
                foreign = now.foreign - before.foreign,
                unknown_key = now.unknown_key - before.unknown_key,
                unsigned = now.unsigned - before.unsigned,
                malformed = now.malformed - before.malformed,
                refused = now.refused - before.refused,
                "calls of the last 10 s, by their tokens"
            );
        }
        before = now;
    }
}
