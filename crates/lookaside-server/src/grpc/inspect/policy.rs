use std::{sync::Arc, time::Duration};

use lookaside_core::{
    Drops, HealthCheck, OnEmpty, Override, OverrideNote, Policy, Probe, ServiceName, Source,
    Sourced,
};
use lookaside_proto::v1;

use crate::grpc::control::described_value;

/// What holds for a service, each value as it is written in settings.
pub(super) fn settings(policy: &Policy) -> Vec<v1::Setting> {
    let Policy {
        drops,
        fallback,
        on_empty,
        max_slots,
        report_interval,
        hold_down,
        health,
        ..
    } = policy;
    vec![
        setting("drops", drops, described_drops),
        setting("fallback", fallback, bool::to_string),
        setting("on_empty", on_empty, |it| {
            let word = match it {
                OnEmpty::Fallback => "fallback",
                OnEmpty::Drop => "drop",
                OnEmpty::Hold => "hold",
            };
            word.to_owned()
        }),
        setting("max_slots", max_slots, ToString::to_string),
        setting("report_interval", report_interval, time),
        setting("hold_down", hold_down, time),
        setting("health", health, |it| {
            it.as_ref()
                .map_or_else(|| "none".to_owned(), described_check)
        }),
    ]
}

fn setting<T>(name: &str, value: &Sourced<T>, text: impl FnOnce(&T) -> String) -> v1::Setting {
    let source: Source = value.source;
    v1::Setting {
        name: name.to_owned(),
        value: text(&value.value),
        source: source.as_str().to_owned(),
    }
}

fn time(value: &Duration) -> String {
    humantime::format_duration(*value).to_string()
}

fn described_check(check: &HealthCheck) -> String {
    let probe = match &check.probe {
        Probe::Tcp => "tcp".to_owned(),
        Probe::Grpc { service, tls } => {
            let tls = if *tls { " over TLS" } else { "" };
            format!("grpc {service:?}{tls}")
        }
    };
    format!(
        "{probe} every {}, timeout {}, out after {}, back after {}, dwell {}",
        time(&check.interval),
        time(&check.timeout),
        check.eject_after,
        check.return_after,
        time(&check.dwell),
    )
}

/// `overload 25%, test 1%`, or `none`.
pub(in crate::grpc) fn described_drops(drops: &Drops) -> String {
    let share = |drop: &lookaside_core::Drop| {
        let percent = f64::from(drop.per_million) / 10_000.0;
        format!("{} {percent}%", drop.category)
    };
    let all: Vec<_> = drops.as_slice().iter().map(share).collect();
    if all.is_empty() {
        "none".to_owned()
    } else {
        all.join(", ")
    }
}

/// An override in words.
pub(in crate::grpc) fn described_override(
    service: &ServiceName,
    order: &Override,
    note: &Arc<OverrideNote>,
) -> v1::Override {
    let target = order.target();
    let text = |text: &Option<Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
    v1::Override {
        service: service.to_string(),
        kind: target.kind().to_owned(),
        backend: target
            .backend()
            .map_or_else(String::new, ToString::to_string),
        value: described_value(order),
        by: text(&note.by),
        reason: text(&note.reason),
        at: note.at.map(Into::into),
        expires: note.expires.map(Into::into),
        key: note.key.to_string(),
        revision: note.revision,
    }
}
