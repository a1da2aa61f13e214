use super::*;

const INTERVAL: Duration = Duration::from_secs(5);

#[test]
fn first_probes_are_spread_over_one_interval() {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut tenths = [0; 10];
    for _ in 0..10_000 {
        let wait = first_wait(INTERVAL, &mut rng);
        tenths[(wait.as_secs_f64() / INTERVAL.as_secs_f64() * 10.0) as usize] += 1;
    }
    assert!(tenths.iter().all(|n| (900..1100).contains(n)), "{tenths:?}");
}

#[test]
fn later_ones_follow_after_an_interval_give_or_take_a_tenth() {
    let mut rng = fastrand::Rng::with_seed(1);
    let waits: Vec<f64> = (0..10_000)
        .map(|_| next_wait(INTERVAL, &mut rng).as_secs_f64())
        .collect();
    assert!(waits.iter().all(|wait| (4.5..=5.5).contains(wait)));
    let mean = waits.iter().sum::<f64>() / 10_000.0;
    assert!((4.98..5.02).contains(&mean), "{mean}");
    assert!(waits.iter().any(|wait| *wait < 4.6) && waits.iter().any(|wait| *wait > 5.4));
}
