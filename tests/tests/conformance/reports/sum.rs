use std::{collections::BTreeMap, time::Duration};

use lookaside_proto::lb::ClientStats;

use crate::support::balancer::BalancerStream;

/// Reports, added up.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) started: i64,
    pub(crate) finished: i64,
    pub(crate) failed_to_send: i64,
    pub(crate) known_received: i64,
    pub(crate) drops: BTreeMap<String, i64>,
}

impl Sum {
    /// Of calls that all were answered.
    pub(crate) fn answered(calls: i64) -> Self {
        Self {
            started: calls,
            finished: calls,
            known_received: calls,
            ..Self::default()
        }
    }

    /// And these were dropped, under one token.
    pub(crate) fn and_dropped(mut self, token: &str, calls: i64) -> Self {
        self.started += calls;
        self.finished += calls;
        self.drops.insert(token.to_owned(), calls);
        self
    }

    /// And these never were on a wire.
    pub(crate) fn and_unsent(mut self, calls: i64) -> Self {
        self.started += calls;
        self.finished += calls;
        self.failed_to_send += calls;
        self
    }

    pub(crate) fn add(&mut self, report: &ClientStats) {
        assert!(report.timestamp.is_some());
        self.started += report.num_calls_started;
        self.finished += report.num_calls_finished;
        self.failed_to_send += report.num_calls_finished_with_client_failed_to_send;
        self.known_received += report.num_calls_finished_known_received;
        for drop in &report.calls_finished_with_drop {
            let sum = self.drops.entry(drop.load_balance_token.clone());
            *sum.or_default() += drop.num_calls;
        }
    }

    /// All that a stream reports until it falls silent.
    pub(crate) async fn of(stream: &mut BalancerStream) -> Self {
        let mut sum = Self::default();
        // Off the beat of the reports.
        let patience = Duration::from_millis(30_500);
        while let Ok(report) = tokio::time::timeout(patience, stream.report()).await {
            sum.add(&report.expect("the stream is open"));
        }
        sum
    }
}
