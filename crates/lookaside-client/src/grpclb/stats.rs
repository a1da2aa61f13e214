use std::{
    sync::Mutex,
    sync::PoisonError,
    time::{Duration, SystemTime},
};

use lookaside_core::{CallCounters, DropCounter, ReportDelta, Token};
use lookaside_proto::lb::{
    ClientStats, ClientStatsPerToken, LoadBalanceRequest,
    load_balance_request::LoadBalanceRequestType,
};

use crate::{CallEnd, CallTracker, LoadReport};

/// The counters behind a channel's load reports.
///
/// There is one set for the policy's life, not one per stream: a call may begin under one
/// stream and end under another, and what a stream did not report any more, the next one
/// does. So the sum of all reports is the number of calls made while following a list. (A
/// report that was on the wire when its connection broke is lost: nobody acknowledges it.)
#[derive(Debug, Default)]
pub(super) struct Stats {
    counters: CallCounters,
    /// What was taken but may not have been sent.
    unsent: Mutex<Option<ReportDelta>>,
}

impl CallTracker for Stats {
    fn call_started(&self) {
        self.counters.call_started();
    }

    fn call_finished(&self, end: &CallEnd<'_>) {
        self.counters.call_finished(!end.sent, end.received);
    }
}

impl Stats {
    /// The counter of a drop's token.
    pub(super) fn drop_counter(&self, token: &Token) -> DropCounter {
        self.counters.drop_counter(token)
    }

    /// Forgets the counters that no list holds and no call has touched.
    pub(super) fn forget_unused(&self) {
        self.counters.forget_unused();
    }

    /// A call was dropped.
    pub(super) fn call_dropped(&self, drop: &DropCounter) {
        self.counters.call_dropped(drop);
    }

    /// What happened since the last report.
    pub(super) fn take(&self) -> ReportDelta {
        let kept = self
            .unsent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let delta = self.counters.take();
        match kept {
            Some(kept) => add(kept, delta),
            None => delta,
        }
    }

    /// This report could not be sent: the next one includes it.
    pub(super) fn put_back(&self, delta: ReportDelta) {
        let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        *unsent = Some(match unsent.take() {
            Some(kept) => add(kept, delta),
            None => delta,
        });
    }
}

fn add(mut sum: ReportDelta, other: ReportDelta) -> ReportDelta {
    sum.started += other.started;
    sum.finished += other.finished;
    sum.finished_with_client_failed_to_send += other.finished_with_client_failed_to_send;
    sum.finished_known_received += other.finished_known_received;
    for (token, calls) in other.drops {
        match sum.drops.iter_mut().find(|(known, _)| *known == token) {
            Some((_, sum)) => *sum += calls,
            None => sum.drops.push((token, calls)),
        }
    }
    sum
}

/// A report for observers.
pub(super) fn summary(delta: &ReportDelta) -> LoadReport {
    LoadReport {
        started: delta.started,
        finished: delta.finished,
        failed_to_send: delta.finished_with_client_failed_to_send,
        known_received: delta.finished_known_received,
        dropped: delta.drops.iter().map(|(_, calls)| calls).sum(),
    }
}

/// A report as a message.
pub(super) fn request(delta: &ReportDelta, now: SystemTime) -> LoadBalanceRequest {
    let since_epoch = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    let drops = delta.drops.iter();
    let stats = ClientStats {
        timestamp: Some(prost_types::Timestamp {
            seconds: i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(since_epoch.subsec_nanos()).unwrap_or_default(),
        }),
        num_calls_started: delta.started,
        num_calls_finished: delta.finished,
        num_calls_finished_with_client_failed_to_send: delta.finished_with_client_failed_to_send,
        num_calls_finished_known_received: delta.finished_known_received,
        calls_finished_with_drop: drops
            .map(|(token, calls)| ClientStatsPerToken {
                load_balance_token: token.clone(),
                num_calls: *calls,
            })
            .collect(),
    };
    LoadBalanceRequest {
        load_balance_request_type: Some(LoadBalanceRequestType::ClientStats(stats)),
    }
}
