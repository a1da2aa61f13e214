//! What people hear of mass removals: log lines and counters.

use std::collections::BTreeMap;

use lookaside_core::{RemovalEvent, ServiceName, Why};

use crate::metrics::RemovalMetrics;

/// So many ids are named in one line.
const NAMED: usize = 5;

/// Logs and counts. What happened to many backends at once is one line.
pub(super) fn report(events: Vec<RemovalEvent>, metrics: &RemovalMetrics) {
    let mut left: BTreeMap<(ServiceName, String), Vec<String>> = BTreeMap::new();
    for event in events {
        match event {
            RemovalEvent::Mass {
                service,
                missing,
                of,
                everywhere,
            } => {
                metrics.mass_removals.inc();
                let scope = if everywhere {
                    "the registry"
                } else {
                    "the service"
                };
                tracing::warn!(
                    %service, vanished = missing, of, scope,
                    "mass removal: so many backends have vanished without announcing a drain \
                     that they are asked before they are believed gone"
                );
            }
            RemovalEvent::Judged {
                service,
                answer,
                unproven,
                gone,
            } => {
                tracing::warn!(
                    %service, answer, gone, unasked = unproven,
                    "mass removal: those that answer are kept as suspects"
                );
            }
            RemovalEvent::Left {
                service,
                id,
                had_answered,
                why,
            } => {
                metrics.left(&why);
                // Those that never answered are in the judgement.
                if had_answered || !matches!(why, Why::Silent) {
                    let of_service = left.entry((service, why.to_string())).or_default();
                    of_service.push(id.to_string());
                }
            }
            RemovalEvent::Full { service, believed } => {
                tracing::error!(
                    %service, believed,
                    "too many backends have vanished to keep them: these are believed gone"
                );
            }
        }
    }
    for ((service, reason), ids) in left {
        let suspects = ids.len();
        let named = ids[..suspects.min(NAMED)].join(" ");
        let more = suspects.saturating_sub(NAMED);
        tracing::warn!(%service, suspects, backends = named, more, reason, "suspects are none any more");
    }
}
