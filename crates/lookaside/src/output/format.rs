//! Times and shares as people read them.

use std::time::{Duration, SystemTime};

/// A duration of the wire; a negative one is a clock that was set back.
pub(crate) fn duration(value: Option<prost_types::Duration>) -> Option<Duration> {
    value.map(|value| value.try_into().unwrap_or_default())
}

/// As [`duration`], in seconds.
pub(super) fn seconds(value: Option<prost_types::Duration>) -> Option<f64> {
    duration(value).map(|value| value.as_secs_f64())
}

/// A time of the wire as RFC 3339, to the millisecond.
pub(super) fn timestamp(value: Option<prost_types::Timestamp>) -> Option<String> {
    let time = SystemTime::try_from(value?).ok()?;
    Some(humantime::format_rfc3339_millis(time).to_string())
}

/// `0.3s`, `12s`, `3m 4s`, `2h 5m`, `3d 4h`: two units at most.
pub(crate) fn ago(duration: Duration) -> String {
    let s = duration.as_secs();
    match s {
        0..10 => format!("{:.1}s", duration.as_secs_f64()),
        10..60 => format!("{s}s"),
        60..3600 => format!("{}m {}s", s / 60, s % 60),
        3600..86_400 => format!("{}h {}m", s / 3600, s % 3600 / 60),
        _ => format!("{}d {}h", s / 86_400, s % 86_400 / 3600),
    }
}

/// `12.5 %`
pub(crate) fn percent(value: f64) -> String {
    format!("{value:.1} %")
}

/// Nothing is shown as a dash, so that columns stay columns.
pub(super) fn or_dash(text: &str) -> String {
    if text.is_empty() { "-" } else { text }.to_owned()
}

/// `1 stream`, `2 streams`
pub(crate) fn count(n: impl Into<u64>, noun: &str) -> String {
    match n.into() {
        1 => format!("1 {noun}"),
        n => format!("{n} {noun}s"),
    }
}
