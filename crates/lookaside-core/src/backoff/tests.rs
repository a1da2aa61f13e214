use super::*;

fn waits(config: BackoffConfig, n: usize) -> Vec<f64> {
    let mut backoff = Backoff::new(config);
    let mut rng = fastrand::Rng::with_seed(7);
    (0..n)
        .map(|_| backoff.next(&mut rng).as_secs_f64())
        .collect()
}

#[test]
fn waits_grow_from_one_second_to_two_minutes() {
    let config = BackoffConfig {
        jitter: 0.0,
        ..BackoffConfig::default()
    };
    let waits = waits(config, 14);
    let expected = [1.0, 1.6, 2.56, 4.096];
    for (wait, expected) in waits.iter().zip(expected) {
        assert!((wait - expected).abs() < 1e-9, "{waits:?}");
    }
    assert!(waits[10] < 120.0 && waits[11..] == [120.0; 3], "{waits:?}");
}

#[test]
fn every_wait_the_first_too_varies_by_a_fifth_both_ways() {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut seen = (f64::MAX, f64::MIN);
    for _ in 0..1000 {
        let first = Backoff::default().next(&mut rng).as_secs_f64();
        assert!((0.8..=1.2).contains(&first), "{first}");
        seen = (seen.0.min(first), seen.1.max(first));
    }
    assert!(seen.0 < 0.81 && seen.1 > 1.19, "{seen:?}");
    let last = *waits(BackoffConfig::default(), 20).last().unwrap();
    assert!((96.0..=144.0).contains(&last), "{last}");
}

#[test]
fn a_reset_starts_over() {
    let mut backoff = Backoff::default();
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..5 {
        backoff.next(&mut rng);
    }
    backoff.reset();
    assert!(backoff.next(&mut rng) <= Duration::from_millis(1200));
}

#[test]
fn a_senseless_configuration_still_waits_sensibly() {
    let config = BackoffConfig {
        initial: Duration::from_secs(5),
        multiplier: f64::NAN,
        jitter: 7.0,
        max: Duration::from_secs(3),
    };
    for wait in waits(config, 100) {
        assert!((0.0..=6.0).contains(&wait), "{wait}");
    }
    let endless = BackoffConfig {
        initial: Duration::MAX,
        max: Duration::MAX,
        ..BackoffConfig::default()
    };
    assert!(waits(endless, 10).iter().all(|wait| *wait > 1e18));
}
