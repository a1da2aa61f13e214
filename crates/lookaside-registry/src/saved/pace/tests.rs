use super::*;

const TICK: Duration = Duration::from_millis(10);

#[test]
fn the_first_change_is_written_at_once_and_a_burst_every_few_seconds() {
    let start = Instant::now();
    let mut pace = Pace::new(start);
    let (mut now, mut writes) = (start, 0);
    while now < start + Duration::from_secs(60) {
        pace.change();
        if pace.due().is_some_and(|due| due <= now) {
            pace.begin(now);
            writes += 1;
            pace.end(now + TICK, true);
        }
        now += TICK;
    }
    assert_eq!(writes, 12);
}

#[test]
fn a_change_during_a_write_is_in_the_next_one() {
    let now = Instant::now();
    let mut pace = Pace::new(now);
    pace.change();
    assert_eq!(pace.due(), Some(now));
    pace.begin(now);
    assert_eq!(pace.due(), None);
    pace.change();
    assert_eq!(pace.due(), None, "one write at a time");
    pace.end(now + TICK, true);
    assert_eq!(pace.due(), Some(now + INTERVAL));
    assert!(!pace.is_done());
    pace.begin(now + INTERVAL);
    pace.end(now + INTERVAL + TICK, true);
    assert!(pace.is_done() && pace.due().is_none());
}

#[test]
fn a_slow_disk_is_left_alone_for_longer() {
    let now = Instant::now();
    let mut pace = Pace::new(now);
    pace.change();
    pace.begin(now);
    pace.change();
    let end = now + Duration::from_secs(3);
    pace.end(end, true);
    assert_eq!(pace.due(), Some(end + Duration::from_secs(60)));
}

#[test]
fn a_failed_write_is_tried_again_without_another_change() {
    let now = Instant::now();
    let mut pace = Pace::new(now);
    pace.change();
    pace.begin(now);
    pace.end(now + TICK, false);
    assert_eq!(pace.due(), Some(now + TICK + RETRY));
}
