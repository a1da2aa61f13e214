use prometheus_client::{encoding::text::encode, registry::Registry};

use super::*;

fn text(histogram: &Histogram) -> String {
    let mut registry = Registry::default();
    registry.register("took", "How long", histogram.clone());
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text
}

#[test]
fn what_takes_just_as_long_as_a_bound_is_within_it() {
    let histogram = Histogram::default();
    histogram.observe(Duration::from_millis(1));
    histogram.observe(Duration::from_nanos(1_000_001));
    let text = text(&histogram);
    assert!(text.contains("took_bucket{le=\"0.0005\"} 0\n"), "{text}");
    assert!(text.contains("took_bucket{le=\"0.001\"} 1\n"), "{text}");
    assert!(text.contains("took_bucket{le=\"0.0025\"} 2\n"), "{text}");
    assert!(text.contains("took_count 2\n"), "{text}");
    assert!(text.contains("took_sum 0.002000001\n"), "{text}");
}

#[test]
fn what_takes_for_ever_is_in_the_last_bucket_alone() {
    let histogram = Histogram::default();
    histogram.observe(Duration::from_secs(3600));
    let text = text(&histogram);
    assert!(text.contains("took_bucket{le=\"10.0\"} 0\n"), "{text}");
    assert!(text.contains("took_bucket{le=\"+Inf\"} 1\n"), "{text}");
}

#[test]
fn counting_allocates_nothing() {
    let histogram = Histogram::default();
    let counted = allocation_counter::measure(|| {
        for millis in 0..1000 {
            histogram.observe(Duration::from_millis(millis));
        }
    });
    assert_eq!(counted.count_total, 0);
}
