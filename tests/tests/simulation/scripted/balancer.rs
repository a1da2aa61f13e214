//! Balancers that say what the script says, or fail in ways of their own.

use std::time::Duration;

use bytes::Bytes;
use h2::{RecvStream, SendStream, server::SendResponse};
use http::Request;
use lookaside_proto::lb::{
    FallbackResponse, InitialLoadBalanceResponse, LoadBalanceRequest, LoadBalanceResponse,
    load_balance_request::LoadBalanceRequestType, load_balance_response::LoadBalanceResponseType,
};
use tokio::sync::watch;
use tonic::Code;

use super::{
    grpc::{self, Messages},
    peer::Answers,
    script::{Said, Script},
};

/// What a balancer does with its streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conduct {
    #[default]
    Follow,
    /// Ends them before it says anything.
    Refuse,
    /// Ends them right after the initial response.
    Hasty,
    /// Says nothing but the initial response.
    Silent,
}

#[derive(Clone)]
pub struct Balancer {
    pub script: Script,
    pub conduct: watch::Sender<Conduct>,
    /// How often to report; none: never.
    pub report_interval: Option<Duration>,
}

impl Answers for Balancer {
    fn answer(
        &self,
        request: Request<RecvStream>,
        respond: SendResponse<Bytes>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let stream = self.script.opened();
        let (said, conduct) = (self.script.said.subscribe(), self.conduct.subscribe());
        self.clone().stream(stream, request, respond, said, conduct)
    }
}

/// The other end is gone.
struct Gone;

fn send(stream: &mut SendStream<Bytes>, message: LoadBalanceResponseType) -> Result<(), Gone> {
    let message = LoadBalanceResponse {
        load_balance_response_type: Some(message),
    };
    let sent = stream.send_data(grpc::framed(&message), false);
    sent.map_err(|_| Gone)
}

impl Balancer {
    async fn stream(
        self,
        number: usize,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
        mut said: watch::Receiver<Said>,
        mut conduct: watch::Receiver<Conduct>,
    ) {
        let mut requests = Messages::new(request.into_body());
        // The initial request.
        if requests.next::<LoadBalanceRequest>().await.is_none() {
            return;
        }
        let begun = *conduct.borrow_and_update();
        if begun == Conduct::Refuse {
            grpc::refuse(&mut respond, Code::Unavailable, "not now");
            return;
        }
        let Ok(mut answers) = respond.send_response(grpc::head(), false) else {
            return;
        };
        let told = self.initial(&mut answers);
        if told.is_err() || begun == Conduct::Hasty {
            let _ = answers.send_trailers(grpc::trailers(Code::Ok, ""));
            return;
        }
        if begun == Conduct::Follow {
            said.mark_changed();
        }
        loop {
            tokio::select! {
                request = requests.next::<LoadBalanceRequest>() => {
                    let Some(request) = request else { break };
                    self.request(request);
                }
                Ok(()) = said.changed(), if begun == Conduct::Follow => {
                    let now = said.borrow_and_update().clone();
                    self.script.says(number, &now);
                    if self.say(&mut answers, &now).is_err() {
                        return;
                    }
                }
                // Whatever the next one is, these streams are over.
                Ok(()) = conduct.changed() => break,
            }
        }
        let _ = answers.send_trailers(grpc::trailers(Code::Ok, ""));
    }

    fn initial(&self, answers: &mut SendStream<Bytes>) -> Result<(), Gone> {
        let interval = self.report_interval;
        let initial = InitialLoadBalanceResponse {
            client_stats_report_interval: interval.map(|interval| prost_types::Duration {
                seconds: interval.as_secs() as i64,
                nanos: 0,
            }),
        };
        send(answers, LoadBalanceResponseType::InitialResponse(initial))
    }

    fn say(&self, answers: &mut SendStream<Bytes>, said: &Said) -> Result<(), Gone> {
        let message = match said {
            Said::List(list) => LoadBalanceResponseType::ServerList(list.message()),
            Said::Fallback => LoadBalanceResponseType::FallbackResponse(FallbackResponse {}),
        };
        send(answers, message)
    }

    fn request(&self, request: LoadBalanceRequest) {
        if let Some(LoadBalanceRequestType::ClientStats(stats)) = request.load_balance_request_type
        {
            self.script.reported(&stats);
        }
    }
}
