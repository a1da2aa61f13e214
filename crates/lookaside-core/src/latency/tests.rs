use proptest::prelude::*;

use super::*;

const DECAY: Duration = Duration::from_secs(10);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn estimate(ewma: &PeakEwma) -> f64 {
    ewma.estimate().unwrap().latency().as_secs_f64() * 1000.0
}

/// To a thousandth: estimates are `f32`.
fn is(ewma: &PeakEwma, expected_ms: f64) -> bool {
    (estimate(ewma) / expected_ms - 1.0).abs() < 1e-3
}

#[test]
fn nothing_is_known_before_the_first_answer_which_counts_in_full() {
    let ewma = PeakEwma::default();
    assert_eq!(ewma.estimate(), None);
    ewma.answered(ms(20), ms(0), DECAY);
    assert!(is(&ewma, 20.0));
}

#[test]
fn a_slower_answer_counts_at_once_and_faster_ones_bit_by_bit() {
    let ewma = PeakEwma::default();
    ewma.answered(ms(10), ms(0), DECAY);
    ewma.answered(ms(200), ms(1), DECAY);
    assert!(is(&ewma, 200.0));
    // After the decay time, 1/e of the old is left.
    ewma.answered(ms(10), ms(10_001), DECAY);
    let left = (-1.0f64).exp();
    assert!(is(&ewma, 200.0 * left + 10.0 * (1.0 - left)));
}

#[test]
fn the_pace_of_the_answers_does_not_decide_how_fast_it_comes_down() {
    let [fast, slow] = [10, 1000].map(|pace| {
        let ewma = PeakEwma::default();
        ewma.answered(ms(1000), ms(0), DECAY);
        for at in (pace..=10_000).step_by(pace as usize) {
            ewma.answered(ms(1), ms(at), DECAY);
        }
        estimate(&ewma)
    });
    assert!((fast / slow - 1.0).abs() < 0.01, "{fast} {slow}");
}

#[test]
fn who_fails_fast_does_not_look_fast() {
    let ewma = PeakEwma::default();
    ewma.answered(ms(20), ms(0), DECAY);
    ewma.failed(ms(1), ms(1));
    assert!(is(&ewma, 40.0));
    ewma.failed(ms(500), ms(2));
    assert!(is(&ewma, 500.0));
    for at in 0..100 {
        ewma.failed(ms(1), ms(at));
    }
    assert!(is(&ewma, 60_000.0), "bounded");
}

#[test]
fn a_call_that_was_given_up_raises_the_estimate_or_says_nothing() {
    let ewma = PeakEwma::default();
    ewma.gave_up(ms(20), ms(0));
    assert_eq!(ewma.estimate(), None);
    ewma.answered(ms(20), ms(0), DECAY);
    ewma.gave_up(ms(10), ms(5000));
    assert!(is(&ewma, 20.0));
    ewma.gave_up(ms(30), ms(5000));
    assert!(is(&ewma, 30.0));
}

#[test]
fn what_nobody_asks_gets_cheaper() {
    let (asked, left) = (PeakEwma::default(), PeakEwma::default());
    asked.answered(ms(10), ms(0), DECAY);
    left.answered(ms(100), ms(0), DECAY);
    let relative = || {
        let [left, asked] = [&left, &asked].map(|ewma| ewma.estimate().unwrap());
        left.relative_to(asked, DECAY)
    };
    assert!((relative() / 10.0 - 1.0).abs() < 1e-3);
    asked.answered(ms(10), ms(10_000), DECAY);
    assert!((relative() / 10.0 - (-1.0f64).exp()).abs() < 1e-3);
    asked.answered(ms(10), ms(60_000), DECAY);
    assert!(relative() < 1.0, "by now it is worth a try");
}

#[test]
fn it_survives_the_end_of_the_clock() {
    let ewma = PeakEwma::default();
    let end = u64::from(u32::MAX);
    ewma.answered(ms(1000), ms(end), DECAY);
    ewma.answered(ms(10), ms(end + 10_000), DECAY);
    let left = (-1.0f64).exp();
    assert!(is(&ewma, 1000.0 * left + 10.0 * (1.0 - left)));
}

#[test]
fn an_answer_that_was_overtaken_does_not_turn_back_time() {
    let ewma = PeakEwma::default();
    ewma.answered(ms(100), ms(5000), DECAY);
    ewma.answered(ms(10), ms(4999), DECAY);
    assert!(is(&ewma, 100.0));
}

proptest! {
    #[test]
    fn it_is_never_below_the_fastest_nor_above_the_slowest(
        answers in prop::collection::vec((1u64..100_000, 0u64..100_000), 1..50),
    ) {
        let ewma = PeakEwma::default();
        let mut now = 0;
        let (mut least, mut most) = (u64::MAX, 0);
        for (after, wait) in answers {
            now += wait;
            let after = after.min(60_000);
            (least, most) = (least.min(after), most.max(after));
            ewma.answered(ms(after), ms(now), DECAY);
            let estimate = estimate(&ewma);
            prop_assert!(estimate >= least as f64 * 0.999 && estimate <= most as f64 * 1.001);
        }
    }

    #[test]
    fn of_two_one_is_as_much_more_as_the_other_is_less(
        a in (1u64..60_000, 0u64..100_000), b in (1u64..60_000, 0u64..100_000),
    ) {
        let [a, b] = [a, b].map(|(after, at)| {
            let ewma = PeakEwma::default();
            ewma.answered(ms(after), ms(at), DECAY);
            ewma.estimate().unwrap()
        });
        let product = a.relative_to(b, DECAY) * b.relative_to(a, DECAY);
        // Apart by thousands of decay times, one is nothing beside the other.
        prop_assert!((product - 1.0).abs() < 1e-6 || product.is_nan());
    }
}
