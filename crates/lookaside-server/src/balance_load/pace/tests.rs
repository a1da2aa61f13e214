use super::*;

#[test]
fn a_second_of_tokens_is_there_at_once_and_more_come_evenly() {
    let now = Instant::now();
    let mut pace = Pace::new(10, now);
    let patience = Duration::from_millis(300);
    let mut waits = std::iter::from_fn(|| pace.take(now, patience).map(|ready| ready - now));
    assert!(waits.by_ref().take(10).all(|wait| wait.is_zero()));
    let rest: Vec<_> = waits.map(|wait| wait.as_millis()).collect();
    assert_eq!(rest, [100, 200, 300]);
    // Refusals took nothing.
    let later = now + Duration::from_millis(100);
    assert_eq!(pace.take(later, patience), Some(later + patience));
}

#[test]
fn an_idle_bucket_fills_to_one_second_and_no_more() {
    let now = Instant::now();
    let mut pace = Pace::new(2, now);
    let later = now + Duration::from_secs(60);
    let at_once = (0..10).filter(|_| pace.take(later, Duration::ZERO).is_some());
    assert_eq!(at_once.count(), 2);
}

#[test]
fn zero_is_no_limit() {
    let now = Instant::now();
    let mut pace = Pace::new(0, now);
    assert!((0..100_000).all(|_| pace.take(now, Duration::ZERO) == Some(now)));
}
