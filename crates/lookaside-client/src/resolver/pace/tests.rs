use super::*;

fn pace() -> (Pace, Instant) {
    let now = Instant::now();
    (Pace::new(MIN_INTERVAL, 7, now), now)
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn everything_is_looked_for_at_once_and_again_when_its_time_is_over() {
    let (mut pace, now) = pace();
    assert_eq!(pace.next(), (now, Look::All));
    pace.looked(Look::All, false, Some(seconds(300)), now);
    assert_eq!(pace.next(), (now + seconds(300), Look::All));
    pace.looked(Look::All, false, None, now);
    assert_eq!(pace.next(), (now + UNKNOWN_TTL, Look::All));
}

#[test]
fn a_short_time_to_live_does_not_make_looks_more_frequent() {
    let (mut pace, now) = pace();
    pace.looked(Look::All, false, Some(seconds(1)), now);
    assert_eq!(pace.next(), (now + MIN_INTERVAL, Look::All));
}

#[test]
fn a_wish_is_heard_after_the_least_interval() {
    let (mut pace, now) = pace();
    pace.looked(Look::All, false, Some(seconds(300)), now);
    pace.wish();
    pace.wish();
    assert_eq!(pace.next(), (now + MIN_INTERVAL, Look::All));
    // One that is heard is forgotten.
    let later = now + MIN_INTERVAL;
    pace.looked(Look::All, false, Some(seconds(300)), later);
    assert_eq!(pace.next(), (later + seconds(300), Look::All));
}

#[test]
fn what_is_missing_is_looked_for_alone_with_growing_waits() {
    let (mut pace, began) = pace();
    pace.looked(Look::All, true, None, began);
    let mut now = began;
    let mut waits = Vec::new();
    while let (next, Look::Missing) = pace.next() {
        waits.push((next - now).as_secs_f64());
        now = next;
        pace.looked(Look::Missing, true, None, now);
        pace.wish();
    }
    assert_eq!(pace.next(), (began + MIN_INTERVAL, Look::All));
    assert!((0.8..=1.2).contains(&waits[0]), "{waits:?}");
    assert!((5..=7).contains(&waits.len()), "{waits:?}");
    // Found.
    pace.looked(Look::Missing, false, None, now);
    assert_eq!(pace.next(), (began + MIN_INTERVAL, Look::All));
    pace.looked(Look::All, true, None, now);
    let (next, look) = pace.next();
    assert_eq!(look, Look::Missing);
    assert!(next - now <= seconds(2), "the back-off was reset");
}
