use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tonic::Status;
use tower_layer::Layer;
use tower_service::Service;

use super::TokenCheck;

/// A tower layer that answers the calls that a [`TokenCheck`] refuses with
/// PERMISSION_DENIED, and lets the others pass unchanged.
#[derive(Clone, Debug)]
pub struct LbTokenLayer {
    check: TokenCheck,
}

impl LbTokenLayer {
    /// A layer of this check; see also [`TokenCheck::layer`].
    pub fn new(check: TokenCheck) -> Self {
        Self { check }
    }
}

impl<S> Layer<S> for LbTokenLayer {
    type Service = LbTokenService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LbTokenService {
            inner,
            check: self.check.clone(),
        }
    }
}

/// What [`LbTokenLayer`] makes of a service.
#[derive(Clone, Debug)]
pub struct LbTokenService<S> {
    inner: S,
    check: TokenCheck,
}

impl<S, Ask, Answer> Service<Request<Ask>> for LbTokenService<S>
where
    S: Service<Request<Ask>, Response = Response<Answer>>,
    Answer: Default,
{
    type Response = Response<Answer>;
    type Error = S::Error;
    type Future = LbTokenFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Ask>) -> Self::Future {
        let path = request.uri().path();
        let call = match self.check.admit(path, request.headers()) {
            Ok(()) => Call::Passed {
                future: self.inner.call(request),
            },
            Err(refusal) => {
                tracing::debug!(path, %refusal, "call refused");
                Call::Refused {
                    status: Some(refusal.into()),
                }
            }
        };
        LbTokenFuture { call }
    }
}

// Server builders ask a service for its name through every layer.
impl<S: tonic::server::NamedService> tonic::server::NamedService for LbTokenService<S> {
    const NAME: &'static str = S::NAME;
}

pin_project! {
    /// What [`LbTokenService`] answers with.
    #[derive(Debug)]
    pub struct LbTokenFuture<F> {
        #[pin]
        call: Call<F>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = CallProjection]
    enum Call<F> {
        Passed { #[pin] future: F },
        Refused { status: Option<Status> },
    }
}

impl<F, Answer, E> Future for LbTokenFuture<F>
where
    F: Future<Output = Result<Response<Answer>, E>>,
    Answer: Default,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().call.project() {
            CallProjection::Passed { future } => future.poll(cx),
            CallProjection::Refused { status } => {
                // Trailers only: an empty body, and the status among the headers.
                let status = status
                    .take()
                    .unwrap_or_else(|| Status::internal("polled again"));
                Poll::Ready(Ok(status.into_http()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
