use std::sync::Arc;

use tokio::time::{MissedTickBehavior, interval};

use crate::{http::Patience, metrics::Metrics, table::Table};

/// Looks after clients that do not read, until it is dropped: ends their streams.
pub(super) async fn end_stuck_streams(
    table: Arc<Table>,
    patience: Arc<Patience>,
    metrics: Arc<Metrics>,
) {
    let mut tick = interval(patience.tick());
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first is now.
    tick.tick().await;
    loop {
        tick.tick().await;
        patience.advance();
        for service in table.all() {
            let stuck = service.topic().end_overdue(&patience);
            metrics.streams_stuck.inc_by(stuck as u64);
            // Thousands of services: others have things to do as well.
            tokio::task::yield_now().await;
        }
    }
}
