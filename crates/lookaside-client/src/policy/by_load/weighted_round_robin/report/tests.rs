use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};

use super::*;

fn trailers(value: &str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert(LOAD_REPORT_TRAILER, value.parse().unwrap());
    trailers
}

fn report() -> OrcaLoadReport {
    OrcaLoadReport {
        cpu_utilization: 0.3,
        mem_utilization: 0.9,
        rps_fractional: 100.0,
        named_metrics: [("queue".to_owned(), 0.4), ("bad".to_owned(), f64::NAN)].into(),
        ..OrcaLoadReport::default()
    }
}

fn utilization_by(report: &OrcaLoadReport, names: &[&str]) -> f64 {
    let names: Vec<Box<str>> = names.iter().map(|name| (*name).into()).collect();
    utilization(report, &names)
}

#[test]
fn a_report_is_read_with_padding_and_without() {
    let bytes = report().encode_to_vec();
    for encoded in [
        BASE64_STANDARD.encode(&bytes),
        BASE64_STANDARD_NO_PAD.encode(&bytes),
    ] {
        let read = read(&trailers(&encoded)).unwrap();
        assert_eq!((read.cpu_utilization, read.rps_fractional), (0.3, 100.0));
    }
}

#[test]
fn what_grpc_servers_send_is_read() {
    // cpu_utilization 0.5, rps (3) 7, request_cost (4), utilization (5), rps_fractional 8,
    // eps 2: written by hand from the numbers of the fields.
    let mut bytes = vec![0x09];
    bytes.extend(0.5f64.to_le_bytes());
    bytes.extend([0x18, 7]);
    bytes.extend([0x22, 12, 0x0a, 1, b'c', 0x11]);
    bytes.extend(1f64.to_le_bytes());
    bytes.extend([0x2a, 12, 0x0a, 1, b'u', 0x11]);
    bytes.extend(1f64.to_le_bytes());
    bytes.push(0x31);
    bytes.extend(8f64.to_le_bytes());
    bytes.push(0x39);
    bytes.extend(2f64.to_le_bytes());
    let read = read(&trailers(&BASE64_STANDARD.encode(&bytes))).unwrap();
    assert_eq!(
        (read.cpu_utilization, read.rps_fractional, read.eps),
        (0.5, 8.0, 2.0)
    );
}

#[test]
fn what_is_no_report_is_none() {
    let long = BASE64_STANDARD.encode([0; LONGEST + 1]);
    for bad in ["", "not base64!", "/////w==", &long] {
        let read = read(&trailers(bad));
        assert!(
            read.is_none_or(|report| report == OrcaLoadReport::default()),
            "{bad}"
        );
    }
    assert!(read(&HeaderMap::new()).is_none());
}

#[test]
fn the_application_knows_best_then_the_metrics_named_then_the_processor() {
    let mut report = report();
    assert_eq!(utilization_by(&report, &[]), 0.3);
    assert_eq!(utilization_by(&report, &["named_metrics.queue"]), 0.4);
    let most = ["named_metrics.queue", "mem_utilization", "cpu_utilization"];
    assert_eq!(utilization_by(&report, &most), 0.9);
    let none = ["named_metrics.bad", "named_metrics.other", "queue", "eps"];
    assert_eq!(utilization_by(&report, &none), 0.3);
    report.application_utilization = 0.2;
    assert_eq!(utilization_by(&report, &most), 0.2);
    report.application_utilization = f64::INFINITY;
    assert_eq!(utilization_by(&report, &most), 0.9);
}

#[test]
fn a_report_that_does_not_say_how_busy_it_is_weighs_nothing() {
    let settings = WeightedRoundRobin::new();
    assert_eq!(weight(&report(), &settings), Some(100.0 / 0.3));
    assert_eq!(weight(&OrcaLoadReport::default(), &settings), None);
}
