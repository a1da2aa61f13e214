//! What of OTLP a collector needs to take spans (`opentelemetry.proto.collector.trace.v1`).

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::{net::TcpListener, task::JoinHandle};

#[derive(Clone, PartialEq, Message)]
struct Export {
    #[prost(message, repeated, tag = "1")]
    resources: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, repeated, tag = "2")]
    scopes: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

/// One span.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Span {
    #[prost(bytes, tag = "1")]
    pub(crate) trace_id: Vec<u8>,
    #[prost(bytes, tag = "2")]
    pub(crate) span_id: Vec<u8>,
    #[prost(bytes, tag = "4")]
    pub(crate) parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    pub(crate) name: String,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(string, optional, tag = "1")]
    text: Option<String>,
    #[prost(int64, optional, tag = "3")]
    number: Option<i64>,
}

impl Span {
    /// The text or number of an attribute.
    pub(crate) fn value(&self, key: &str) -> Option<String> {
        let found = self.attributes.iter().find(|it| it.key == key)?;
        let value = found.value.clone()?;
        value
            .text
            .or_else(|| value.number.map(|number| number.to_string()))
    }
}

/// Takes spans until it is dropped.
pub(crate) struct Collector {
    address: SocketAddr,
    spans: Arc<Mutex<Vec<Span>>>,
    accepting: JoinHandle<()>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let spans = Arc::<Mutex<Vec<Span>>>::default();
        let taken = Arc::clone(&spans);
        let accepting = tokio::spawn(async move {
            while let Ok((io, _)) = listener.accept().await {
                let taken = Arc::clone(&taken);
                let service = service_fn(move |request| export(request, Arc::clone(&taken)));
                let server = http2::Builder::new(TokioExecutor::new());
                tokio::spawn(server.serve_connection(TokioIo::new(io), service));
            }
        });
        Self {
            address,
            spans,
            accepting,
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Those that have come so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap().clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

type Answer = Response<http_body_util::combinators::BoxBody<Bytes, Infallible>>;

/// One call, with an empty answer.
async fn export(
    request: Request<Incoming>,
    taken: Arc<Mutex<Vec<Span>>>,
) -> Result<Answer, Infallible> {
    assert_eq!(
        request.uri().path(),
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    );
    let body = request.into_body().collect().await.unwrap().to_bytes();
    // Behind the gRPC prefix: a byte, and the length in four.
    let export = Export::decode(&body[5..]).unwrap();
    let scopes = export.resources.into_iter().flat_map(|it| it.scopes);
    let spans = scopes.flat_map(|it| it.spans);
    taken.lock().unwrap().extend(spans);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let answer = Full::new(Bytes::from_static(&[0; 5]));
    let answer = answer.with_trailers(async move { Some(Ok(trailers)) });
    let response = Response::builder().header("content-type", "application/grpc");
    Ok(response.body(answer.boxed()).unwrap())
}
