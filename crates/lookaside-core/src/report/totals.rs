use std::{collections::BTreeMap, sync::Arc};

use super::ReportDelta;
use crate::{Drops, strip_variant};

/// How many drop categories a service's totals name; operators use a handful.
pub const MAX_DROP_CATEGORIES: usize = 128;

/// What the drops under any other token are counted as. The space keeps it apart from
/// every category.
pub const OTHER_CATEGORIES: &str = "all others";

/// The sums of the load reports of a service's clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportTotals {
    /// Reports added.
    pub reports: u64,
    /// Numbers below zero in reports: each counted as zero.
    pub negative_numbers: u64,
    /// Calls that began, dropped ones included.
    pub started: u64,
    /// Calls that ended, dropped ones included.
    pub finished: u64,
    /// Of the finished: never reached a server; drops are not among them.
    pub finished_with_client_failed_to_send: u64,
    /// Of the finished: known to have reached a server.
    pub finished_known_received: u64,
    /// Of the finished: dropped, by category.
    drops: BTreeMap<Arc<str>, u64>,
}

impl ReportTotals {
    /// Adds one report. `drops` are the service's: only their categories (and those they
    /// had before) are named, so that what a client makes up costs nothing.
    pub fn add(&mut self, delta: &ReportDelta, drops: &Drops) {
        self.reports = self.reports.saturating_add(1);
        for (total, number) in [
            (&mut self.started, delta.started),
            (&mut self.finished, delta.finished),
            (
                &mut self.finished_with_client_failed_to_send,
                delta.finished_with_client_failed_to_send,
            ),
            (
                &mut self.finished_known_received,
                delta.finished_known_received,
            ),
        ] {
            add(total, number, &mut self.negative_numbers);
        }
        for (token, calls) in &delta.drops {
            let category = self.category(token, drops);
            let total = self.drops.entry(category).or_default();
            add(total, *calls, &mut self.negative_numbers);
        }
    }

    /// Dropped calls by category, sorted by it.
    pub fn drops(&self) -> impl Iterator<Item = (&str, u64)> {
        self.drops
            .iter()
            .map(|(category, calls)| (&**category, *calls))
    }

    fn category(&self, token: &str, drops: &Drops) -> Arc<str> {
        let configured = drops
            .find(token)
            .map(|index| Arc::clone(&drops.as_slice()[index].category));
        // A report may come after its category was taken out of the settings.
        let known = |token: &str| self.drops.get_key_value(token).map(|(known, _)| known);
        configured
            .filter(|name| known(name).is_some() || self.drops.len() < MAX_DROP_CATEGORIES)
            .or_else(|| {
                known(token)
                    .or_else(|| known(strip_variant(token)))
                    .cloned()
            })
            .unwrap_or_else(|| OTHER_CATEGORIES.into())
    }
}

fn add(total: &mut u64, number: i64, negative: &mut u64) {
    match u64::try_from(number) {
        Ok(number) => *total = total.saturating_add(number),
        Err(_) => *negative = negative.saturating_add(1),
    }
}

#[cfg(test)]
mod tests;
