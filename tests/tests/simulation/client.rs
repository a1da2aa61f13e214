//! Clients: a channel each, and workers that call.

use std::{net::SocketAddr, time::Duration};

use fastrand::Rng;
use lookaside_client::{Channel, WaitForReady};
use lookaside_proto::demo::{EchoRequest, EchoResponse, echo_client::EchoClient};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tonic::{Request, Status};

use crate::{
    net::Net,
    witness::{Call, Witness},
};

/// So that a backend that vanished is noticed while a run lasts: interval and timeout.
pub const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(2));

/// Longer than any run.
const DEADLINE: Duration = Duration::from_secs(3600);

/// Between two calls of a worker, at most.
const MAX_PAUSE: Duration = Duration::from_millis(400);

const WORKERS: usize = 3;

pub struct Client {
    pub name: String,
    pub channel: Channel,
    pub has_fallback: bool,
    stop: watch::Sender<bool>,
    workers: JoinSet<()>,
}

impl Client {
    pub fn start(
        name: String,
        service: &str,
        balancers: &[SocketAddr],
        fallback: &[SocketAddr],
        net: &Net,
        witness: &Witness,
        rng: &mut Rng,
    ) -> Self {
        let has_fallback = !fallback.is_empty();
        witness.client(&name, has_fallback);
        let mut balancers: Vec<String> = balancers.iter().map(ToString::to_string).collect();
        rng.shuffle(&mut balancers);
        let channel = Channel::builder(service)
            .balancers(balancers)
            .fallback(fallback.iter().map(ToString::to_string))
            .keep_alive(KEEP_ALIVE.0, KEEP_ALIVE.1)
            .connector(net.dialer(&name))
            .build()
            .expect("addresses and no names");
        let (stop, stopped) = watch::channel(false);
        let mut workers = JoinSet::new();
        for _ in 0..WORKERS {
            let worker = Worker {
                client: name.clone(),
                channel: channel.clone(),
                has_fallback,
                witness: witness.clone(),
                rng: rng.fork(),
            };
            workers.spawn(worker.run(stopped.clone()));
        }
        Self {
            name,
            channel,
            has_fallback,
            stop,
            workers,
        }
    }

    /// Lets the calls under way finish; says whether they did within `limit`.
    pub async fn stop_calling(&mut self, limit: Duration) -> bool {
        self.stop.send_replace(true);
        let finished = async { while self.workers.join_next().await.is_some() {} };
        timeout(limit, finished).await.is_ok()
    }
}

struct Worker {
    client: String,
    channel: Channel,
    has_fallback: bool,
    witness: Witness,
    rng: Rng,
}

impl Worker {
    async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        loop {
            let pause = Duration::from_micros(self.rng.u64(..MAX_PAUSE.as_micros() as u64));
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = sleep(pause) => {}
            }
            // Without fallback addresses there are times with nobody to call.
            let wait_for_ready = !self.has_fallback || self.rng.bool();
            let call = Call {
                client: &self.client,
                started: Instant::now(),
                wait_for_ready,
            };
            self.witness.call_begins();
            match echo(&self.channel, &self.client, wait_for_ready).await {
                Ok(answer) => {
                    let by = answer
                        .backend
                        .parse()
                        .expect("backends are called by address");
                    let work = answer.message.parse().expect("milliseconds");
                    self.witness
                        .call_answered(&call, by, Duration::from_millis(work));
                }
                Err(status) => self.witness.call_failed(&call, &status),
            }
        }
    }
}

/// One call.
pub async fn echo(channel: &Channel, client: &str, wait: bool) -> Result<EchoResponse, Status> {
    let mut request = Request::new(EchoRequest {
        message: client.to_owned(),
    });
    request.extensions_mut().insert(WaitForReady(wait));
    request.set_timeout(DEADLINE);
    let answer = EchoClient::new(channel.clone()).echo(request).await?;
    Ok(answer.into_inner())
}
