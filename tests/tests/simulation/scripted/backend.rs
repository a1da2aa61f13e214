//! Backends, of lists and of the fallback.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use fastrand::Rng;
use h2::{Reason, RecvStream, server::SendResponse};
use http::Request;
use lookaside_proto::{
    LB_TOKEN_HEADER,
    demo::{EchoRequest, EchoResponse},
    health::{HealthCheckResponse, health_check_response::ServingStatus},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tonic::Code;

use super::{
    book::{Arrival, Book, CALL_ID, Outcome},
    grpc::{self, Messages},
    peer::Answers,
    places::is_fallback,
    script::token,
};
use crate::log::Log;

/// The longest that a call takes at a backend.
pub const SLOWEST: Duration = Duration::from_secs(3);

/// The text of failures that the script asks for.
pub const SCRIPTED: &str = "as the script says";

/// What a backend does with calls, in per cent, and what it says of its health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knobs {
    pub fails: u32,
    pub refuses: u32,
    /// The longest that a slow call takes.
    pub work: Duration,
    pub serving: bool,
}

/// Nothing goes wrong.
pub const WELL: Knobs = Knobs {
    fails: 0,
    refuses: 0,
    work: Duration::ZERO,
    serving: true,
};

#[derive(Clone)]
pub struct Backend {
    pub number: usize,
    pub at: SocketAddr,
    pub book: Book,
    pub log: Log,
    pub knobs: watch::Sender<Knobs>,
    pub rng: Arc<Mutex<Rng>>,
}

impl Answers for Backend {
    fn answer(
        &self,
        request: Request<RecvStream>,
        respond: SendResponse<Bytes>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let is_call = request.uri().path().ends_with("/Echo");
        // At once, so that it is known before the connection does anything else.
        let outcome = is_call.then(|| self.take_call(&request));
        let (it, knobs) = (self.clone(), self.knobs.subscribe());
        async move {
            match outcome {
                Some(outcome) => it.call(request, respond, outcome).await,
                None if request.uri().path().contains("Health") => health(respond, knobs).await,
                None => unknown(respond),
            }
        }
    }
}

fn unknown(mut respond: SendResponse<Bytes>) {
    grpc::refuse(&mut respond, Code::Unimplemented, "no such method");
}

impl Backend {
    fn take_call(&self, request: &Request<RecvStream>) -> Outcome {
        let header = |name: &str| request.headers().get(name)?.to_str().ok();
        let call = header(CALL_ID).and_then(|id| id.parse().ok());
        let call = call.expect("every call has its number");
        let own = token(self.number);
        let wanted = (!is_fallback(self.at)).then_some(own.as_str());
        let given = header(LB_TOKEN_HEADER);
        if given != wanted {
            let at = self.at;
            let broken = format!("call {call} to {at} has token {given:?}, not {wanted:?}");
            self.log.violation(broken);
        }
        let knobs = *self.knobs.borrow();
        let drawn = self.rng.lock().unwrap().u32(..100);
        let outcome = if drawn < knobs.fails {
            Outcome::Fails
        } else if drawn < knobs.fails + knobs.refuses {
            Outcome::Refuses
        } else {
            Outcome::Answers
        };
        let arrival = Arrival {
            backend: self.at,
            at: Instant::now(),
            balanced: given.is_some(),
            outcome,
        };
        self.book.arrived(call, arrival);
        outcome
    }

    async fn call(
        self,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
        outcome: Outcome,
    ) {
        let mut requests = Messages::new(request.into_body());
        let message = match outcome {
            Outcome::Refuses => return respond.send_reset(Reason::REFUSED_STREAM),
            Outcome::Fails => return grpc::refuse(&mut respond, Code::Unavailable, SCRIPTED),
            Outcome::Answers => requests.next::<EchoRequest>().await,
        };
        let Some(message) = message else { return };
        let work = self.knobs.borrow().work;
        if !work.is_zero() {
            let work = {
                let mut rng = self.rng.lock().unwrap();
                let slow = rng.u32(..10) == 0;
                Duration::from_millis(if slow {
                    rng.u64(..work.as_millis() as u64)
                } else {
                    0
                })
            };
            sleep(work).await;
        }
        let Ok(mut answer) = respond.send_response(grpc::head(), false) else {
            return;
        };
        let echo = EchoResponse {
            message: message.message,
            backend: self.at.to_string(),
            lb_token: String::new(),
        };
        let _ = answer.send_data(grpc::framed(&echo), false);
        let _ = answer.send_trailers(grpc::trailers(Code::Ok, ""));
    }
}

/// Says whether it serves, again and again.
async fn health(mut respond: SendResponse<Bytes>, mut knobs: watch::Receiver<Knobs>) {
    let Ok(mut answer) = respond.send_response(grpc::head(), false) else {
        return;
    };
    loop {
        let status = if knobs.borrow_and_update().serving {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        let status = HealthCheckResponse {
            status: status.into(),
        };
        let sent = answer.send_data(grpc::framed(&status), false);
        if sent.is_err() || knobs.changed().await.is_err() {
            return;
        }
    }
}
