use super::*;

fn clamped(seconds: i64, nanos: i32) -> Option<Duration> {
    let asked = prost_types::Duration { seconds, nanos };
    clamp(Some(&asked), Duration::from_secs(1))
}

#[test]
fn unset_zero_and_negative_intervals_mean_no_reports() {
    assert_eq!(clamp(None, Duration::from_secs(1)), None);
    assert_eq!(clamped(0, 0), None);
    assert_eq!(clamped(-1, 0), None);
    assert_eq!(clamped(0, -1), None);
    assert_eq!(clamped(i64::MIN, 0), None);
    assert_eq!(clamped(0, i32::MIN), None);
}

#[test]
fn a_tiny_interval_is_raised_to_the_least() {
    assert_eq!(clamped(0, 1), Some(Duration::from_secs(1)));
    assert_eq!(clamped(1, 1), Some(Duration::new(1, 1)));
    assert_eq!(clamped(10, 0), Some(Duration::from_secs(10)));
}

#[test]
fn an_interval_beyond_any_clock_means_no_reports() {
    assert_eq!(clamped(i64::MAX, i32::MAX), None);
}
