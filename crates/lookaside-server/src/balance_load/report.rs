use lookaside_core::ReportDelta;
use lookaside_proto::lb::ClientStats;

/// A load report as the domain knows it.
pub(super) fn delta(stats: ClientStats) -> ReportDelta {
    ReportDelta {
        started: stats.num_calls_started,
        finished: stats.num_calls_finished,
        finished_with_client_failed_to_send: stats.num_calls_finished_with_client_failed_to_send,
        finished_known_received: stats.num_calls_finished_known_received,
        drops: stats
            .calls_finished_with_drop
            .into_iter()
            .map(|drop| (drop.load_balance_token, drop.num_calls))
            .collect(),
    }
}
