//! What the process takes of its machine, as Linux tells it in `/proc` (proc(5)). Elsewhere
//! nothing is exported.

mod sample;

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeGaugeValue},
    metrics::MetricType,
    registry::Unit,
};

use self::sample::Sample;

/// Reads it when somebody asks.
#[derive(Debug)]
pub(super) struct ProcessMetrics;

fn gauge<V: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help, unit): (&str, &str, Option<&Unit>),
    value: Option<V>,
) -> fmt::Result {
    let Some(value) = value else { return Ok(()) };
    encoder
        .encode_descriptor(name, help, unit, MetricType::Gauge)?
        .encode_gauge(&value)
}

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(sample) = Sample::read() else {
            return Ok(());
        };
        let help = "User and system time of the process.";
        encoder
            .encode_descriptor(
                "process_cpu",
                help,
                Some(&Unit::Seconds),
                MetricType::Counter,
            )?
            .encode_counter::<[(&str, &str); 0], _, f64>(&sample.cpu_seconds, None)?;
        let bytes = Some(&Unit::Bytes);
        let rss = ("process_resident_memory", "Memory in use.", bytes);
        gauge(&mut encoder, rss, Some(sample.resident_bytes))?;
        let threads = ("process_threads", "Threads of the process.", None);
        gauge(&mut encoder, threads, Some(sample.threads))?;
        let started = "When the process started, in Unix time.";
        let started = ("process_start_time", started, Some(&Unit::Seconds));
        gauge(&mut encoder, started, sample.started_at)?;
        let open = ("process_open_fds", "Open file descriptors.", None);
        gauge(&mut encoder, open, sample.open_fds)?;
        let max = "File descriptors the process may open.";
        gauge(&mut encoder, ("process_max_fds", max, None), sample.max_fds)
    }
}

#[cfg(test)]
mod tests;
