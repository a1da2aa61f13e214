//! The ways of changes, from the registry to their last stream, as traces for an OpenTelemetry
//! collector.

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::{Level, Subscriber};
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

/// At the end: for the spans that are not sent yet. A collector that is gone delays nobody longer.
const FLUSH: Duration = Duration::from_secs(2);

/// Where the spans of changes are. What comes with a call or a connection has none.
const TARGET: &str = "lookaside_server";

/// Sends spans in batches, from a thread of its own and a queue of 2048: when the collector is
/// slow or away, spans are lost and nothing else.
#[derive(Debug)]
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// To be called within a runtime, and dropped before it ends.
    pub(crate) fn to(endpoint: &str) -> Result<Self, ExporterBuildError> {
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .build()?;
        // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES add to it.
        let resource = Resource::builder();
        let resource = match std::env::var_os("OTEL_SERVICE_NAME") {
            Some(_) => resource,
            None => resource.with_service_name("lookaside"),
        };
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        Ok(Self(provider))
    }

    /// What hands it the spans.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("lookaside"))
            .with_location(false)
            .with_threads(false)
            .with_filter(Targets::new().with_target(TARGET, Level::DEBUG))
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(FLUSH) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// `http://HOST:PORT`, as a flag says it.
pub(crate) fn endpoint(text: &str) -> Result<String, String> {
    let expected = "expected http://HOST:PORT of a collector that takes OTLP over gRPC";
    let uri: http::Uri = text
        .parse()
        .map_err(|error| format!("{error}; {expected}"))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http"), Some(_)) => Ok(text.to_owned()),
        (Some("https"), _) => Err(format!("there is no TLS to collectors; {expected}")),
        _ => Err(expected.to_owned()),
    }
}
