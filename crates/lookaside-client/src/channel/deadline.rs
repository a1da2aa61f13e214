use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// A call's time limit, as the client wrote it into `grpc-timeout` (gRPC over HTTP/2: at
/// most 8 digits and a unit). Nothing, or something unreadable, is no limit.
pub(super) fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(GRPC_TIMEOUT)?.to_str().ok()?;
    let (unit_at, unit) = value.char_indices().next_back()?;
    let digits = &value[..unit_at];
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        'H' => Some(Duration::from_secs(amount * 3600)),
        'M' => Some(Duration::from_secs(amount * 60)),
        'S' => Some(Duration::from_secs(amount)),
        'm' => Some(Duration::from_millis(amount)),
        'u' => Some(Duration::from_micros(amount)),
        'n' => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// Writes what is left of the limit: a backend must not work on for longer than anybody
/// waits, because the call was queued for a while. Rounded up: it is the caller's clock that
/// ends the call, not the backend's a moment before.
pub(super) fn set_remaining(headers: &mut HeaderMap, remaining: Duration) {
    let up = |unit: u128| remaining.as_nanos().div_ceil(unit);
    let (millis, seconds) = (up(1_000_000), up(1_000_000_000));
    let text = match millis {
        0..=99_999_999 => format!("{millis}m"),
        _ => format!("{}S", seconds.min(99_999_999)),
    };
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.insert(GRPC_TIMEOUT, value);
    }
}

#[cfg(test)]
mod tests;
