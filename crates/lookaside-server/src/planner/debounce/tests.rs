use super::*;

const QUIET: Duration = Duration::from_millis(100);
const MAX_DELAY: Duration = Duration::from_secs(1);

/// When changes at these milliseconds go out.
fn sent(changes: &[u64]) -> Vec<u64> {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let mut debounce = Debounce::default();
    let mut due: Option<Instant> = None;
    let mut sent = Vec::new();
    for &change in changes.iter().chain([&u64::from(u32::MAX)]) {
        if let Some(time) = due.take_if(|time| *time <= at(change)) {
            sent.push((time - start).as_millis() as u64);
            debounce.sent();
        }
        due = Some(debounce.change(at(change), QUIET, MAX_DELAY));
    }
    sent
}

#[test]
fn a_change_after_a_quiet_time_goes_out_at_once() {
    assert_eq!(sent(&[0]), [0]);
    assert_eq!(sent(&[0, 100, 5000]), [0, 100, 5000]);
}

#[test]
fn a_burst_goes_out_when_it_pauses() {
    assert_eq!(sent(&[0, 10, 20, 50]), [0, 150]);
}

#[test]
fn a_burst_without_a_pause_goes_out_every_max_delay() {
    let changes: Vec<u64> = (0..300).map(|i| i * 10).collect();
    // The one at 0 at once; those from 10 on at 1010; and so on.
    assert_eq!(sent(&changes), [0, 1010, 2010, 3010]);
}
