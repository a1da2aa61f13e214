use super::*;

fn rng() -> fastrand::Rng {
    fastrand::Rng::with_seed(7)
}

const BRIEF: Duration = Duration::from_millis(1);

#[test]
fn refused_streams_back_off_as_grpc_says() {
    let (mut reopen, mut rng) = (Reopen::new(), rng());
    let mut expected = 1.0;
    for attempt in 0..20 {
        let wait = reopen.after(false, Duration::ZERO, &mut rng).as_secs_f64();
        assert!(
            (0.8 * expected..=1.2 * expected).contains(&wait),
            "attempt {attempt}: {wait} s, expected about {expected} s"
        );
        expected = f64::min(expected * 1.6, 120.0);
    }
}

#[test]
fn a_refused_streams_own_time_counts_towards_its_back_off() {
    let (mut reopen, mut rng) = (Reopen::new(), rng());
    let wait = reopen.after(false, Duration::from_secs(5), &mut rng);
    assert!((100..=150).contains(&wait.as_millis()), "{wait:?}");
}

#[test]
fn an_initial_response_resets_the_back_off_but_not_to_nothing() {
    let (mut reopen, mut rng) = (Reopen::new(), rng());
    for _ in 0..10 {
        reopen.after(false, BRIEF, &mut rng);
    }
    let wait = reopen.after(true, Duration::from_secs(60), &mut rng);
    assert!((100..=150).contains(&wait.as_millis()), "{wait:?}");
    let wait = reopen.after(false, Duration::ZERO, &mut rng).as_secs_f64();
    assert!((0.8..=1.2).contains(&wait), "{wait}");
}

#[test]
fn short_streams_are_reopened_under_twenty_times_a_second_and_ever_slower() {
    for seed in 0..100 {
        let (mut reopen, mut rng) = (Reopen::new(), fastrand::Rng::with_seed(seed));
        let (mut now, mut after_the_first_second) = (Duration::ZERO, 0);
        while now < Duration::from_secs(2) {
            let wait = reopen.after(true, BRIEF, &mut rng);
            assert!(wait >= Duration::from_millis(100));
            now += wait;
            after_the_first_second += u32::from(now >= Duration::from_secs(1));
        }
        assert!(after_the_first_second < 20, "{after_the_first_second}");
    }
}

#[test]
fn a_long_stream_is_reopened_quickly_again() {
    let (mut reopen, mut rng) = (Reopen::new(), rng());
    for _ in 0..10 {
        reopen.after(true, BRIEF, &mut rng);
    }
    assert!(reopen.after(true, BRIEF, &mut rng) > Duration::from_secs(1));
    assert!(reopen.after(true, LONG_LIVED, &mut rng) <= Duration::from_millis(150));
}
