use std::{convert::Infallible, fmt, future::Future, pin::Pin, sync::Arc};

use http::{Request, Response};
use tonic::{Status, body::Body, server::NamedService};
use tower_service::Service;

type Route = Arc<
    dyn Fn(Request<Body>) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> + Send + Sync,
>;

/// The gRPC services beside `BalanceLoad`, by name.
#[derive(Clone, Default)]
pub(crate) struct Routes(Vec<(&'static str, Route)>);

impl Routes {
    /// Adds a service.
    pub(crate) fn with<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send,
    {
        let route = move |request| -> Pin<Box<dyn Future<Output = _> + Send>> {
            // Generated services are always ready.
            let answer = service.clone().call(request);
            Box::pin(async move {
                match answer.await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            })
        };
        self.0.push((S::NAME, Arc::new(route)));
        self
    }

    /// The services' names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(name, _)| *name)
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path();
        let service = path
            .strip_prefix('/')
            .and_then(|path| path.split_once('/'))
            .map(|(service, _)| service);
        match self.0.iter().find(|(name, _)| Some(*name) == service) {
            Some((_, route)) => route(request).await,
            None => Status::unimplemented(format!("no service answers {path:?} here")).into_http(),
        }
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
