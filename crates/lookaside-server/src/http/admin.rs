use std::{convert::Infallible, future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper::{body::Incoming, service::Service};
use tokio::sync::watch;
use tonic::body::Body;

use super::{ClientService, OtherBody, ResponseBody};
use crate::{Permission, Readiness, metrics};

/// Answers the requests of operators: those of clients, and plain HTTP.
#[derive(Clone, Debug)]
pub(crate) struct AdminService<M> {
    client: ClientService,
    readiness: watch::Receiver<Readiness>,
    metrics: Arc<M>,
}

/// Makes the text of `GET /metrics`.
pub(crate) trait Scrape: Send + Sync + 'static {
    fn scrape(&self) -> String;

    /// What an operator should know who asks whether all is well.
    fn remark(&self) -> Option<String>;
}

const TEXT: &str = "text/plain; charset=utf-8";

impl<M: Scrape> AdminService<M> {
    pub(crate) fn new(
        client: ClientService,
        readiness: watch::Receiver<Readiness>,
        metrics: Arc<M>,
    ) -> Self {
        Self {
            client,
            readiness,
            metrics,
        }
    }

    /// A line, and a second one with a remark, if there is any.
    fn remarked(&self, line: &str) -> String {
        match self.metrics.remark() {
            Some(remark) => format!("{line}\n{remark}\n"),
            None => format!("{line}\n"),
        }
    }

    /// The answer to a request that is not gRPC.
    fn plain(&self, request: &Request<Incoming>) -> Option<Response<ResponseBody>> {
        let (status, content_type, text) = match request.uri().path() {
            _ if ![Method::GET, Method::HEAD].contains(request.method()) => return None,
            "/healthz" => (StatusCode::OK, TEXT, self.remarked("alive")),
            "/readyz" => {
                let readiness = self.readiness.borrow().clone();
                let status = if readiness.is_ready() {
                    StatusCode::OK
                } else {
                    StatusCode::SERVICE_UNAVAILABLE
                };
                (status, TEXT, self.remarked(&readiness.to_string()))
            }
            // They name services.
            "/metrics" if !self.client.peer().may_some(Permission::Inspect) => {
                let text = format!("{} is not allowed to inspect\n", self.client.peer());
                (StatusCode::FORBIDDEN, TEXT, text)
            }
            "/metrics" => (StatusCode::OK, metrics::CONTENT_TYPE, self.metrics.scrape()),
            path => {
                let text = format!("no {path} here: try /healthz, /readyz or /metrics\n");
                (StatusCode::NOT_FOUND, TEXT, text)
            }
        };
        let body = OtherBody::new(Body::new(Full::new(Bytes::from(text))), None);
        let mut response = Response::new(ResponseBody::Other(body));
        *response.status_mut() = status;
        let content_type = HeaderValue::from_static(content_type);
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        Some(response)
    }
}

impl<M: Scrape> Service<Request<Incoming>> for AdminService<M> {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        match self.plain(&request) {
            Some(response) => {
                self.client.note_request();
                Box::pin(async { Ok(response) })
            }
            None => self.client.call(request),
        }
    }
}
