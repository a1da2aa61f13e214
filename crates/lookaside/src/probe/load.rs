use std::{sync::Arc, time::Duration};

use lookaside_client::Channel;
use lookaside_proto::demo::{EchoRequest, EchoResponse, echo_client::EchoClient};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::{Request, Status};

/// More calls than this at a time say nothing about a balancer any more.
const MAX_IN_FLIGHT: usize = 50_000;

/// What a call may take beyond its own time limit before it is given up.
const GRACE: Duration = Duration::from_secs(1);

/// The first call is made half a period after the start, or after this: then as many
/// calls fall into a second as are asked for, and none on its very end.
const MAX_LEAD: Duration = Duration::from_millis(50);

/// A call that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// When it was made.
    pub(crate) started: Instant,
    pub(crate) answer: Result<EchoResponse, Status>,
}

/// Takes note of every call that has ended; called from many tasks.
pub(crate) trait Sink: Send + Sync + 'static {
    fn ended(&self, call: Ended);
}

/// Calls at a steady rate, whether or not earlier ones have been answered (an open
/// loop: a slow backend does not slow the clients down that would call it).
#[derive(Debug)]
pub(crate) struct Load {
    closing: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Load {
    /// Starts `qps` calls a second over `channel`, each limited to `call_time`.
    pub(crate) fn start(
        channel: Channel,
        qps: f64,
        call_time: Duration,
        sink: Arc<dyn Sink>,
    ) -> Self {
        let closing = CancellationToken::new();
        let pump = Pump {
            client: EchoClient::new(channel),
            call_time,
            sink,
        };
        let task = tokio::spawn(pump.run(qps, closing.clone()));
        Self {
            closing,
            task: AbortOnDropHandle::new(task),
        }
    }

    /// Makes no more calls, and waits for those in flight.
    pub(crate) async fn stop(self) {
        self.closing.cancel();
        // Bounded: every call is.
        let _ = self.task.await;
    }
}

#[derive(Clone)]
struct Pump {
    client: EchoClient<Channel>,
    call_time: Duration,
    sink: Arc<dyn Sink>,
}

impl Pump {
    async fn run(self, qps: f64, closing: CancellationToken) {
        let lead = Duration::from_secs_f64(0.5 / qps).min(MAX_LEAD);
        let start = Instant::now() + lead;
        let mut calls = JoinSet::new();
        let mut sent = 0u64;
        loop {
            let next = start + Duration::from_secs_f64(sent as f64 / qps);
            tokio::select! {
                () = closing.cancelled() => break,
                () = sleep_until(next) => {}
            }
            // The timer ticks in milliseconds: several calls may be due.
            let due = (start.elapsed().as_secs_f64() * qps) as u64;
            while sent <= due {
                sent += 1;
                if calls.len() < MAX_IN_FLIGHT {
                    calls.spawn(self.clone().call());
                } else {
                    let reason = format!("{MAX_IN_FLIGHT} calls of the probe are in flight");
                    let answer = Err(Status::resource_exhausted(reason));
                    let started = Instant::now();
                    self.sink.ended(Ended { started, answer });
                }
            }
            while calls.try_join_next().is_some() {}
        }
        let _ = timeout(self.call_time + GRACE, async {
            while calls.join_next().await.is_some() {}
        })
        .await;
    }

    async fn call(mut self) {
        let started = Instant::now();
        let mut request = Request::new(EchoRequest {
            message: "probe".to_owned(),
        });
        request.set_timeout(self.call_time);
        let answer = timeout(self.call_time + GRACE, self.client.echo(request))
            .await
            .unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer, and no error either")))
            .map(tonic::Response::into_inner);
        self.sink.ended(Ended { started, answer });
    }
}
