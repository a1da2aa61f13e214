use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{
    HeaderValue, Request, Response,
    header::USER_AGENT,
    uri::{Authority, Scheme},
};
use hyper::{body::Incoming, client::conn::http2::SendRequest};
use tonic::body::Body;
use tower_service::Service;

use super::Connection;
use crate::{
    Endpoint,
    channel::{RequestBody, send_to},
};

/// By whose name a channel's calls go, and who says to send them.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// For addresses without one of their own.
    pub(crate) authority: Authority,
    pub(crate) user_agent: HeaderValue,
}

/// A transport over one connection, for what is asked of the connection itself. It keeps
/// the connection open: its owner lets go of it when the connection ends.
#[derive(Clone)]
pub(crate) struct Direct {
    sender: SendRequest<RequestBody>,
    scheme: Scheme,
    peer: Endpoint,
    origin: Origin,
}

impl Direct {
    pub(super) fn new(connection: &Connection, origin: Origin) -> Self {
        Self {
            sender: connection.sender(),
            scheme: connection.scheme(),
            peer: connection.peer().clone(),
            origin,
        }
    }

    pub(crate) fn peer(&self) -> &Endpoint {
        &self.peer
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Direct").field(self.peer()).finish()
    }
}

impl Service<Request<Body>> for Direct {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = hyper::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut request = RequestBody::sent_once(request);
        send_to(&mut request, self.scheme.clone(), &self.origin.authority);
        let user_agent = self.origin.user_agent.clone();
        request.headers_mut().insert(USER_AGENT, user_agent);
        Box::pin(self.sender.send_request(request))
    }
}
