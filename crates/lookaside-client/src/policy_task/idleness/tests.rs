use super::*;

const TIMEOUT: Duration = Duration::from_secs(1600);
const PERIOD: Duration = Duration::from_secs(100);

/// When it goes IDLE, in seconds since it began, if calls are as `calls` says: from, to.
fn idle_at(calls: &[(u64, u64)]) -> u64 {
    let begin = Instant::now();
    let mut idleness = Idleness::new(TIMEOUT, begin);
    let mut last = begin;
    loop {
        let at = idleness.next_look().expect("a look");
        assert!(at > last, "looks go on");
        let (from, to) = ((last - begin).as_secs(), (at - begin).as_secs());
        let started = calls.iter().any(|(start, _)| (from..to).contains(start));
        let open = calls
            .iter()
            .any(|(start, end)| (*start..*end).contains(&to));
        if idleness.look(at, || (started, open)) {
            return to;
        }
        last = at;
    }
}

#[test]
fn it_goes_idle_when_its_timeout_has_passed_without_a_call() {
    assert_eq!(idle_at(&[]), 1600);
}

#[test]
fn it_goes_idle_no_earlier_than_the_timeout_after_a_call_and_an_eighth_later_at_most() {
    for start in (0..400).step_by(10) {
        for length in (0..700).step_by(10) {
            let end = start + length;
            let idle = idle_at(&[(start, end)]) - end;
            assert!((1600..=1800).contains(&idle), "{start} to {end}: {idle}");
        }
    }
}

#[test]
fn calls_now_and_then_keep_it_awake() {
    let calls: Vec<_> = (0..100).map(|n| (n * 1500, n * 1500 + 1)).collect();
    assert!(idle_at(&calls) > 99 * 1500 + 1600);
}

#[test]
fn it_is_looked_at_when_it_is_time_and_not_before() {
    let begin = Instant::now();
    let mut idleness = Idleness::new(TIMEOUT, begin);
    assert_eq!(idleness.next_look(), Some(begin + PERIOD));
    let early = begin + PERIOD - Duration::from_secs(1);
    assert!(!idleness.look(early, || unreachable!("too early")));
}

#[test]
fn a_timeout_without_end_is_never_over() {
    let begin = Instant::now();
    let mut idleness = Idleness::new(Duration::MAX, begin);
    assert_eq!(idleness.next_look(), None);
    let late = begin + Duration::from_secs(1 << 30);
    assert!(!idleness.look(late, || unreachable!("nobody looks")));
}

#[test]
fn it_begins_anew_when_it_wakes() {
    let begin = Instant::now();
    let mut idleness = Idleness::new(TIMEOUT, begin);
    let woken = begin + 5 * TIMEOUT;
    idleness.restart(woken);
    assert_eq!(idleness.next_look(), Some(woken + PERIOD));
    assert!(!idleness.look(woken + PERIOD, || (false, false)));
}
