use std::time::Duration;

/// The longest that a `google.protobuf.Duration` may be, in seconds.
const MAX_SECONDS: u64 = 315_576_000_000;

/// A duration as protocol buffers write it in JSON: seconds with up to nine decimals and an
/// `s`. The whole seconds may be missing (`.1s`, as in the examples of A6); a negative one
/// makes no sense here.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let number = text.strip_suffix('s')?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && decimals.is_empty() || decimals.len() > 9 {
        return None;
    }
    let seconds = digits(whole)?;
    let nanos = format!("{decimals:0<9}");
    let nanos = u32::try_from(digits(&nanos)?).ok()?;
    (seconds <= MAX_SECONDS).then(|| Duration::new(seconds, nanos))
}

/// Nothing is zero; a sign is no digit.
fn digits(text: &str) -> Option<u64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if text.is_empty() {
        Some(0)
    } else {
        text.parse().ok()
    }
}

#[cfg(test)]
mod tests;
