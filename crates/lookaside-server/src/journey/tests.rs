use prometheus_client::{encoding::text::encode, registry::Registry};

use super::*;

fn journey() -> (Journey, Arc<PushMetrics>) {
    let metrics = Arc::<PushMetrics>::default();
    let journey = Journey::new(Arc::clone(&metrics), Instant::now(), Span::none());
    (journey, metrics)
}

fn completed(metrics: &PushMetrics) -> String {
    let mut registry = Registry::default();
    registry.register("it", "It", metrics.complete.clone());
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    let count = text.lines().find_map(|line| line.strip_prefix("it_count "));
    count.unwrap().to_owned()
}

#[test]
fn it_is_complete_when_the_last_stream_has_it_whoever_was_faster_than_the_counting() {
    let (journey, metrics) = journey();
    journey.taken();
    journey.woken(3);
    journey.taken();
    assert_eq!(completed(&metrics), "0");
    journey.taken();
    assert_eq!(completed(&metrics), "1");
    drop(journey);
    assert_eq!(metrics.overtaken.get(), 0);
}

#[test]
fn it_is_complete_at_once_where_nobody_waits() {
    let (journey, metrics) = journey();
    journey.woken(0);
    assert_eq!(completed(&metrics), "1");
}

#[test]
fn who_leaves_without_it_is_not_waited_for() {
    let (journey, metrics) = journey();
    journey.woken(2);
    journey.taken();
    journey.given_up();
    assert_eq!(completed(&metrics), "1");
}

#[test]
fn one_that_did_not_reach_all_is_counted_as_overtaken() {
    let (journey, metrics) = journey();
    journey.woken(2);
    journey.taken();
    drop(journey);
    assert_eq!(metrics.overtaken.get(), 1);
    assert_eq!(completed(&metrics), "0");
}

#[test]
fn what_a_stream_costs_allocates_nothing() {
    let (journey, _metrics) = journey();
    journey.woken(1001);
    let counted = allocation_counter::measure(|| {
        for _ in 0..1000 {
            journey.taken();
        }
    });
    assert_eq!(counted.count_total, 0);
}

/// What a layer saw: spans with their parents, and what was recorded in them later.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl<S> tracing_subscriber::Layer<S> for Seen
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    fn on_new_span(
        &self,
        _: &tracing::span::Attributes<'_>,
        id: &tracing::Id,
        ctx: tracing_subscriber::layer::Context<'_, S>,
    ) {
        let names = ctx.span_scope(id).unwrap().from_root();
        let names: Vec<_> = names.map(|span| span.name()).collect();
        self.0.lock().unwrap().push(names.join("/"));
    }

    fn on_record(
        &self,
        _: &tracing::Id,
        values: &tracing::span::Record<'_>,
        _: tracing_subscriber::layer::Context<'_, S>,
    ) {
        let fields = format!("{values:?}");
        let streams = fields.contains("streams");
        self.0.lock().unwrap().push(format!("streams: {streams}"));
    }
}

#[test]
fn a_change_has_the_same_spans_however_many_streams_take_it() {
    use tracing_subscriber::layer::SubscriberExt;
    let seen = Seen::default();
    let subscriber = tracing_subscriber::registry().with(seen.clone());
    tracing::subscriber::with_default(subscriber, || {
        let change = tracing::debug_span!("change", streams = tracing::field::Empty);
        let metrics = Arc::<PushMetrics>::default();
        let journey = Journey::new(metrics, Instant::now(), change);
        journey.woken(1000);
        (0..1000).for_each(|_| journey.taken());
    });
    let seen = seen.0.lock().unwrap();
    assert_eq!(*seen, ["change", "change/send", "streams: true"]);
}
