use lookaside_core::{ReportDelta, ServiceName};

use super::*;
use crate::{metrics::Metrics, table::MAX_LABELLED};

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).unwrap()
}

fn started(calls: i64) -> ReportDelta {
    ReportDelta {
        started: calls,
        ..ReportDelta::default()
    }
}

fn scrape(table: &Arc<Table>) -> String {
    let mut metrics = Metrics::new();
    metrics.of_services(Arc::clone(table));
    metrics.encode()
}

fn values(text: &str, sample: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter_map(|line| {
        let labels = line.strip_prefix(sample)?.strip_prefix("{service=\"")?;
        let (service, value) = labels.split_once("\"} ")?;
        Some((service.to_owned(), value.to_owned()))
    });
    lines.collect()
}

#[test]
fn as_many_services_have_a_label_as_may_and_the_others_share_one() {
    let table = Arc::new(Table::new());
    for i in 0..MAX_LABELLED + 5 {
        let entry = table.register(&name(&format!("s{i:05}")));
        entry.report(&started(1));
    }
    let text = scrape(&table);
    let calls = values(&text, "lookaside_calls_started_total");
    assert_eq!(calls.len(), MAX_LABELLED + 1);
    assert_eq!(calls[0], ("s00000".to_owned(), "1".to_owned()));
    assert_eq!(calls[MAX_LABELLED], ("other".to_owned(), "5".to_owned()));
    assert!(text.contains("lookaside_services_unlabelled 5\n"));
}

#[test]
fn names_that_only_clients_use_have_no_label_however_many_they_are() {
    let table = Arc::new(Table::new());
    let open: Vec<_> = (0..1000)
        .map(|i| table.open_unknown(&name(&format!("made-up-{i}"))))
        .collect();
    open[0].service().report(&started(7));
    let text = scrape(&table);
    let streams = values(&text, "lookaside_service_streams");
    assert_eq!(streams, [("other".to_owned(), "1000".to_owned())]);
    drop(open);
    let text = scrape(&table);
    assert!(!text.contains("made-up"));
    // A counter never falls, whoever is forgotten.
    let calls = values(&text, "lookaside_calls_started_total");
    assert_eq!(calls, [("other".to_owned(), "7".to_owned())]);
}

#[test]
fn a_service_that_is_forgotten_gives_its_label_back() {
    let table = Arc::new(Table::new());
    for i in 0..MAX_LABELLED {
        table.register(&name(&format!("s{i:05}")));
    }
    assert!(table.remove_idle(&name("s00003")));
    let late = table.register(&name("late"));
    assert!(late.is_labelled());
    assert!(!table.register(&name("later")).is_labelled());
}

#[test]
fn a_service_called_other_and_one_full_of_quotes_break_nothing() {
    let table = Arc::new(Table::new());
    table.register(&name("other"));
    table.register(&name("a\"b\\c"));
    let text = scrape(&table);
    let other = text.matches("lookaside_service_streams{service=\"other\"}");
    assert_eq!(other.count(), 1);
    assert!(
        text.contains("lookaside_service_streams{service=\"a\\\"b\\\\c\"} 0"),
        "{text}"
    );
}
