use std::{sync::Arc, time::Duration};

use lookaside_agent::LbToken;
use lookaside_proto::demo::{EchoRequest, EchoResponse, echo_server};
use tokio::time::sleep;
use tonic::{Request, Response, Status, async_trait};

/// Answers with the message, its own name, and the token that the call carried.
#[derive(Clone, Debug)]
pub(super) struct Echo {
    pub(super) name: Arc<str>,
    /// How long an answer takes.
    pub(super) work: Duration,
}

#[async_trait]
impl echo_server::Echo for Echo {
    async fn echo(&self, request: Request<EchoRequest>) -> Result<Response<EchoResponse>, Status> {
        if !self.work.is_zero() {
            sleep(self.work).await;
        }
        let token = LbToken::of(&request);
        Ok(Response::new(EchoResponse {
            backend: self.name.to_string(),
            lb_token: token.as_ref().map_or("", LbToken::as_str).to_owned(),
            message: request.into_inner().message,
        }))
    }
}
