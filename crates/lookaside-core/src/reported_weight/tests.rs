use super::*;

const BLACKOUT: Duration = Duration::from_secs(10);
const EXPIRATION: Duration = Duration::from_secs(180);

fn at(weight: &ReportedWeight, second: u64) -> Option<f64> {
    weight.current(Duration::from_secs(second), BLACKOUT, EXPIRATION)
}

fn report(weight: &ReportedWeight, value: f64, second: u64) {
    weight.report(value, Duration::from_secs(second));
}

#[test]
fn a_weight_is_used_after_the_blackout_and_the_newest_one_is() {
    let weight = ReportedWeight::default();
    assert_eq!(at(&weight, 0), None);
    report(&weight, 5.0, 0);
    assert_eq!(at(&weight, 9), None);
    report(&weight, 7.0, 9);
    assert_eq!(at(&weight, 10), Some(7.0));
}

#[test]
fn without_a_blackout_the_first_report_counts() {
    let weight = ReportedWeight::default();
    report(&weight, 5.0, 3);
    let now = Duration::from_secs(3);
    assert_eq!(weight.current(now, Duration::ZERO, EXPIRATION), Some(5.0));
}

#[test]
fn it_expires_and_the_blackout_begins_anew() {
    let weight = ReportedWeight::default();
    report(&weight, 5.0, 0);
    assert_eq!(at(&weight, 179), Some(5.0));
    assert_eq!(at(&weight, 180), None);
    report(&weight, 6.0, 200);
    assert_eq!(at(&weight, 209), None);
    assert_eq!(at(&weight, 210), Some(6.0));
}

#[test]
fn a_new_connection_begins_the_blackout_anew() {
    let weight = ReportedWeight::default();
    report(&weight, 5.0, 0);
    assert_eq!(at(&weight, 20), Some(5.0));
    weight.connected();
    assert_eq!(at(&weight, 20), None);
    report(&weight, 6.0, 21);
    assert_eq!(at(&weight, 30), None);
    assert_eq!(at(&weight, 31), Some(6.0));
}

#[test]
fn reports_that_say_nothing_change_nothing() {
    let weight = ReportedWeight::default();
    report(&weight, 5.0, 0);
    for nothing in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        report(&weight, nothing, 100);
    }
    assert_eq!(at(&weight, 179), Some(5.0));
    assert_eq!(at(&weight, 180), None, "nor do they keep it fresh");
}

#[test]
fn the_weight_of_a_report_is_its_calls_by_what_they_take() {
    assert_eq!(weight_of_report(100.0, 0.0, 0.5, 1.0), Some(200.0));
    // One call in four fails: as if a quarter more of it were in use.
    assert_eq!(weight_of_report(100.0, 25.0, 0.25, 1.0), Some(200.0));
    assert_eq!(weight_of_report(100.0, 25.0, 0.25, 0.0), Some(400.0));
    for (qps, utilization) in [
        (0.0, 0.5),
        (100.0, 0.0),
        (-1.0, 0.5),
        (f64::NAN, 0.5),
        (1.0, f64::NAN),
    ] {
        assert_eq!(weight_of_report(qps, 1.0, utilization, 1.0), None);
    }
    assert_eq!(weight_of_report(100.0, f64::NAN, 0.5, 1.0), Some(200.0));
    assert_eq!(
        weight_of_report(f64::MAX, 0.0, f64::MIN_POSITIVE, 1.0),
        None
    );
}
