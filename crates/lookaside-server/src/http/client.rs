use std::{convert::Infallible, future::Future, pin::Pin, sync::Arc};

use http::{Request, Response};
use hyper::{body::Incoming, service::Service};
use lookaside_proto::BALANCE_LOAD_PATH;
use tonic::{Status, body::Body};

use super::{OtherBody, ResponseBody, Routes, not_grpc::not_grpc};
use crate::{
    access::Peer,
    balance_load::{BalanceLoad, user_agent},
    listener::{Connection, MAX_OTHER_REQUESTS},
};

/// Answers the requests of one connection.
#[derive(Clone, Debug)]
pub(crate) struct ClientService {
    balance_load: Arc<BalanceLoad>,
    routes: Arc<Routes>,
    connection: Arc<Connection>,
}

impl ClientService {
    pub(crate) fn new(
        balance_load: Arc<BalanceLoad>,
        routes: Arc<Routes>,
        connection: Arc<Connection>,
    ) -> Self {
        Self {
            balance_load,
            routes,
            connection,
        }
    }

    /// Who asks.
    pub(super) fn peer(&self) -> &Peer {
        self.connection.who()
    }

    /// A request that is answered at once, and by no stream.
    pub(super) fn note_request(&self) {
        drop(self.connection.begin_request());
    }

    async fn answer(self, request: Request<Incoming>) -> Response<ResponseBody> {
        if let Some(refusal) = not_grpc(&request) {
            self.note_request();
            refusal
        } else if request.uri().path() == BALANCE_LOAD_PATH {
            let (head, requests) = request.into_parts();
            let agent = user_agent(&head.headers);
            // What is not needed is not kept while the stream waits to be admitted.
            drop(head);
            let balance_load = &self.balance_load;
            match balance_load.call(&self.connection, agent, requests).await {
                Ok(response) => response.map(ResponseBody::Balance),
                Err(status) => status.into_http(),
            }
        } else {
            let Some(other) = self.connection.begin_other() else {
                let why = format!("more than {MAX_OTHER_REQUESTS} requests on one connection");
                return Status::resource_exhausted(why).into_http();
            };
            let mut request = request.map(Body::new);
            let peer = Arc::clone(self.connection.who());
            request.extensions_mut().insert(peer);
            let response = self.routes.call(request).await;
            response.map(|body| ResponseBody::Other(OtherBody::new(body, Some(other))))
        }
    }
}

impl Service<Request<Incoming>> for ClientService {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    /// Boxed: what answering takes is freed when the response begins, and the stream
    /// lives on with its body alone.
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.answer(request).await) })
    }
}
