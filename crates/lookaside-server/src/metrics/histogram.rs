use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::{MetricType, TypedMetric},
};

/// Upper bounds, in nanoseconds: from less than a push costs at its cheapest to longer than
/// anybody should wait for one.
const BOUNDS: [u64; 18] = {
    const US: u64 = 1_000;
    const MS: u64 = 1_000 * US;
    const S: u64 = 1_000 * MS;
    [
        10 * US,
        25 * US,
        50 * US,
        100 * US,
        250 * US,
        500 * US,
        MS,
        2_500 * US,
        5 * MS,
        10 * MS,
        25 * MS,
        50 * MS,
        100 * MS,
        250 * MS,
        500 * MS,
        S,
        2_500 * MS,
        10 * S,
    ]
};

const NANOS: f64 = 1e9;

/// How long something takes, over and over.
///
/// prometheus-client's own histogram takes a lock and keeps its buckets in a `Vec`. This one
/// is on the way of every list to every stream: two additions, no lock, no allocation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The last is for what is longer than all bounds.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
}

impl Histogram {
    /// Counts one that took so long.
    pub(crate) fn observe(&self, took: Duration) {
        // 584 years.
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < nanos);
        self.0.buckets[bucket].fetch_add(1, Relaxed);
        self.0.nanos.fetch_add(nanos, Relaxed);
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let nanos = self.0.nanos.load(Relaxed);
        let bounds = BOUNDS.iter().map(|bound| *bound as f64 / NANOS);
        let buckets: Vec<(f64, u64)> = bounds
            .chain([f64::INFINITY])
            .zip(&self.0.buckets)
            .map(|(bound, count)| (bound, count.load(Relaxed)))
            .collect();
        // Not a counter of its own: it must be what the buckets add up to, whatever is
        // counted meanwhile.
        let count = buckets.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(nanos as f64 / NANOS, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

#[cfg(test)]
mod tests;
