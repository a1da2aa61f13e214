use std::time::Instant;

use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn backend() -> Backend {
    Backend::new(Clock::new(Instant::now()), Duration::from_secs(10))
}

fn sent(code: Option<Code>, elapsed: u64, answered_after: Option<u64>) -> CallEnd<'static> {
    CallEnd {
        sent: true,
        elapsed: ms(elapsed),
        answered_after: answered_after.map(ms),
        code: code.map(|code| code as i32),
        ..CallEnd::default()
    }
}

/// In milliseconds, after a call of 100 ms and then one that ended so.
fn after(end: &CallEnd<'_>) -> f64 {
    let backend = backend();
    backend.learn(&sent(Some(Code::Ok), 100, Some(100)), ms(0));
    backend.learn(end, ms(0));
    millis(&backend)
}

/// Rounded: estimates are `f32`.
fn millis(backend: &Backend) -> f64 {
    let latency = backend.latency().unwrap().latency();
    (latency.as_secs_f64() * 1000.0).round()
}

#[test]
fn a_stream_is_as_fast_as_its_beginning() {
    let backend = backend();
    backend.learn(&sent(Some(Code::Ok), 3_600_000, Some(20)), ms(0));
    assert_eq!(millis(&backend), 20.0);
}

#[test]
fn who_gave_up_early_learned_nothing_and_who_waited_long_did() {
    assert_eq!(after(&sent(None, 50, None)), 100.0);
    assert_eq!(after(&sent(None, 500, None)), 500.0);
    // The headers had come; the rest did not matter.
    assert_eq!(after(&sent(None, 500, Some(30))), 100.0);
}

#[test]
fn a_failure_of_the_backends_own_doubles_the_latency() {
    assert_eq!(after(&sent(Some(Code::Internal), 1, Some(1))), 200.0);
    assert_eq!(after(&sent(Some(Code::DeadlineExceeded), 700, None)), 700.0);
    for answer in [
        Code::InvalidArgument,
        Code::PermissionDenied,
        Code::Unimplemented,
    ] {
        assert_eq!(after(&sent(Some(answer), 1, Some(1))), 100.0);
    }
}

#[test]
fn every_call_that_began_is_in_flight_until_it_ends() {
    let backend = backend();
    for _ in 0..3 {
        backend.call_started();
    }
    assert_eq!(backend.calls(), 3);
    backend.call_finished(&CallEnd::default());
    assert_eq!(backend.calls(), 2);
}
