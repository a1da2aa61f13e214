use std::{sync::Arc, time::Duration};

use lookaside_proto::demo::EchoResponse;
use tokio::time::{Instant, advance};
use tonic::Status;

use super::{
    expected::Expected,
    ledger::{Ledger, Score, Totals, dropped_message},
    scene::Scene,
    summary::Summary,
};
use crate::probe::{Ended, Sink};

fn score(answered: &[(&str, u64)], dropped: u64) -> Score {
    Score {
        answered: answered
            .iter()
            .map(|(name, n)| ((*name).to_owned(), *n))
            .collect(),
        dropped,
    }
}

fn answered(by: &str, started: Instant) -> Ended {
    let answer = EchoResponse {
        backend: by.to_owned(),
        ..EchoResponse::default()
    };
    Ended {
        started,
        answer: Ok(answer),
    }
}

fn failed(with: &str, started: Instant) -> Ended {
    Ended {
        started,
        answer: Err(Status::unavailable(with)),
    }
}

#[test]
fn the_shares_expected_are_those_of_the_weights() {
    let shares = |scene| -> Vec<(&str, u32)> {
        let expected = Expected::of(scene);
        let percent = |share: f64| (share * 1000.0).round() as u32;
        let rows = expected.backends.iter();
        rows.map(|(name, _, share)| (*name, percent(*share)))
            .collect()
    };
    assert_eq!(shares(Scene::Steady), [("a", 500), ("b", 333), ("c", 167)]);
    assert_eq!(shares(Scene::Kill), [("a", 750), ("c", 250)]);
    assert_eq!(shares(Scene::Restart), [("a", 375), ("c", 125), ("d", 500)]);
    assert_eq!(Expected::of(Scene::Drop).dropped, 0.25);
    assert_eq!(Expected::of(Scene::Restart).dropped, 0.0);
}

#[test]
fn a_score_fits_only_if_every_share_and_the_drops_do() {
    let expected = Expected::of(Scene::Drop);
    assert!(expected.fits(&score(&[("a", 375), ("c", 125), ("d", 500)], 333)));
    assert!(!expected.fits(&score(&[("a", 500), ("c", 125), ("d", 375)], 333)));
    assert!(!expected.fits(&score(&[("a", 375), ("c", 125), ("d", 500)], 0)));
    // A call to a backend that is gone is wrong however rare.
    assert!(!expected.fits(&score(&[("a", 375), ("b", 1), ("c", 125), ("d", 500)], 333)));
}

#[tokio::test(start_paused = true)]
async fn only_calls_under_way_to_the_killed_backend_may_be_lost() {
    let ledger = Ledger::default();
    let before = Instant::now();
    ledger.ended(failed("early", before));
    advance(Duration::from_millis(50)).await;
    ledger.kill();
    ledger.ended(failed("connection lost", before));
    advance(Duration::from_secs(1)).await;
    ledger.ended(failed("late", Instant::now()));

    let totals = ledger.totals();
    assert_eq!((totals.lost, totals.failed), (1, 2));
    let kinds: Vec<_> = totals.failures.keys().collect();
    assert_eq!(kinds, ["UNAVAILABLE: early", "UNAVAILABLE: late"]);
}

#[tokio::test(start_paused = true)]
async fn a_measurement_counts_calls_made_after_its_start() {
    let ledger = Arc::new(Ledger::default());
    let before = Instant::now();
    advance(Duration::from_secs(1)).await;
    ledger.measure();
    ledger.ended(answered("a", before));
    ledger.ended(answered("a", Instant::now()));
    ledger.ended(failed(&dropped_message(), Instant::now()));
    assert_eq!(ledger.measured(), score(&[("a", 1)], 1));
    let totals = ledger.totals();
    assert_eq!((totals.answered, totals.dropped, totals.failed), (2, 1, 0));
}

fn verdict(failed: u64, drop_scene: Score) -> (bool, String) {
    let mut summary = Summary::default();
    let joined = score(&[("a", 375), ("c", 125), ("d", 500)], 0);
    summary.add(
        Scene::Steady,
        score(&[("a", 300), ("b", 200), ("c", 100)], 0),
    );
    summary.add(Scene::Kill, score(&[("a", 300), ("c", 100)], 0));
    summary.add(Scene::Join, joined.clone());
    summary.add(Scene::Drop, drop_scene);
    summary.add(Scene::Restart, joined);
    let totals = Totals {
        answered: 10,
        dropped: 4,
        lost: 1,
        failed,
        failures: [("UNAVAILABLE: gone".to_owned(), failed)].into(),
    };
    let mut out = Vec::new();
    let good = summary.write(&mut out, &totals).unwrap();
    (good, String::from_utf8(out).unwrap())
}

#[test]
fn the_verdict_is_good_only_if_no_call_failed_and_all_shares_fit() {
    let right = score(&[("a", 375), ("c", 125), ("d", 500)], 333);
    let (good, text) = verdict(0, right.clone());
    assert!(good, "{text}");
    let (good, text) = verdict(1, right);
    assert!(!good);
    assert!(text.contains("1 x UNAVAILABLE: gone"), "{text}");
    let (good, text) = verdict(0, score(&[("a", 375), ("c", 125), ("d", 500)], 0));
    assert!(!good);
    assert!(text.contains("Shares were off in: 25 % dropped."), "{text}");

    let nothing = Summary::default();
    assert!(!nothing.write(&mut Vec::new(), &Totals::default()).unwrap());
}
