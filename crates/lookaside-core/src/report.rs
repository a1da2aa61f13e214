//! Load reports: counted by clients, summed by balancers.

mod counters;
mod filter;
mod totals;

pub use counters::{CallCounters, DropCounter};
pub use filter::ReportFilter;
pub use totals::{MAX_DROP_CATEGORIES, OTHER_CATEGORIES, ReportTotals};

/// What happened since the last report, as in `ClientStats`. The numbers are signed
/// because they are on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportDelta {
    /// Calls that began, dropped ones included.
    pub started: i64,
    /// Calls that ended, dropped ones included.
    pub finished: i64,
    /// Of the finished: never reached a server; drops are not among them.
    pub finished_with_client_failed_to_send: i64,
    /// Of the finished: known to have reached a server.
    pub finished_known_received: i64,
    /// Of the finished: dropped, by the drop's token. Each token once.
    pub drops: Vec<(String, i64)>,
}

impl ReportDelta {
    /// Nothing happened.
    pub fn is_zero(&self) -> bool {
        self.started == 0
            && self.finished == 0
            && self.finished_with_client_failed_to_send == 0
            && self.finished_known_received == 0
            && self.drops.iter().all(|(_, calls)| *calls == 0)
    }
}

#[cfg(test)]
mod tests;
