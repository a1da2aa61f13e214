use super::*;

fn started(started: i64) -> ReportDelta {
    ReportDelta {
        started,
        ..ReportDelta::default()
    }
}

#[test]
fn of_idle_reports_in_a_row_only_the_first_is_sent() {
    let mut filter = ReportFilter::default();
    let sent = [0, 0, 0, 3, 1, 0, 0].map(|calls| filter.should_send(&started(calls)));
    assert_eq!(sent, [true, false, false, true, true, true, false]);
}

#[test]
fn a_report_with_only_a_drop_is_no_idle_one() {
    let mut delta = ReportDelta::default();
    assert!(delta.is_zero());
    delta.drops = vec![("overload".into(), 0)];
    assert!(delta.is_zero());
    delta.drops[0].1 = 1;
    assert!(!delta.is_zero());
    assert!(!started(1).is_zero());
}
