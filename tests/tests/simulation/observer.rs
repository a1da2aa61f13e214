//! Watches one replica's stream with a client that is not ours.

use std::{net::SocketAddr, time::Duration};

use lookaside_proto::lb::{
    InitialLoadBalanceRequest, LoadBalanceRequest, LoadBalanceResponse,
    load_balance_request::LoadBalanceRequestType as Ask,
    load_balance_response::LoadBalanceResponseType as Tell,
    load_balancer_client::LoadBalancerClient,
};
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::StreamExt;
use tonic::{Status, Streaming, transport::Endpoint};

use crate::{
    expected::Contents,
    log::Log,
    net::Net,
    witness::{Told, Witness},
};

/// The first list comes right behind the initial response: both in a few latencies.
const RIGHT_BEHIND: Duration = Duration::from_millis(100);

/// Between two streams.
const PAUSE: Duration = Duration::from_millis(500);

/// Until a stream on a connection that went silent is given up.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

pub struct Observer {
    pub replica: usize,
    pub at: SocketAddr,
    pub service: String,
    pub net: Net,
    pub log: Log,
    pub witness: Witness,
}

impl Observer {
    /// Watches until it is dropped.
    pub async fn run(self) {
        loop {
            let watched = self.watch().await;
            self.witness.untold(self.replica);
            if let Err(broken) = watched {
                let replica = self.replica;
                self.log
                    .violation(format!("stream of replica {replica}: {broken}"));
            }
            sleep(PAUSE).await;
        }
    }

    /// One stream until its end.
    async fn watch(&self) -> Result<(), String> {
        let Some(mut messages) = self.open().await else {
            return Ok(());
        };
        let Ok(Some(first)) = messages.message().await else {
            return Ok(());
        };
        if !matches!(
            first.load_balance_response_type,
            Some(Tell::InitialResponse(_))
        ) {
            return Err(format!("it began with {first:?}"));
        }
        let begun = Instant::now();
        let mut last: Option<Option<Contents>> = None;
        while let Ok(Some(message)) = messages.message().await {
            if last.is_none() && begun.elapsed() > RIGHT_BEHIND {
                return Err(format!("the first list took {:?}", begun.elapsed()));
            }
            let contents = read(message)?;
            if last.as_ref() == Some(&contents) {
                return Err(format!("twice in a row: {contents:?}"));
            }
            last = Some(contents.clone());
            let told = Told {
                contents,
                at: Instant::now(),
            };
            self.witness.told(self.replica, told);
        }
        Ok(())
    }

    async fn open(&self) -> Option<Streaming<LoadBalanceResponse>> {
        let endpoint = Endpoint::try_from(format!("http://{}", self.at))
            .expect("an address")
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE);
        let opened = async {
            let dialer = self.net.dialer("observer");
            let channel = endpoint.connect_with_connector(dialer).await.ok()?;
            let initial = InitialLoadBalanceRequest {
                name: self.service.clone(),
            };
            let request = LoadBalanceRequest {
                load_balance_request_type: Some(Ask::InitialRequest(initial)),
            };
            let requests = tokio_stream::once(request).chain(tokio_stream::pending());
            let opened: Result<_, Status> = LoadBalancerClient::new(channel)
                .balance_load(requests)
                .await;
            Some(opened.ok()?.into_inner())
        };
        timeout(KEEP_ALIVE, opened).await.ok().flatten()
    }
}

/// What a message after the first says; `None`: fall back.
fn read(message: LoadBalanceResponse) -> Result<Option<Contents>, String> {
    match message.load_balance_response_type {
        Some(Tell::ServerList(list)) => Contents::read(&list.servers).map(Some),
        Some(Tell::FallbackResponse(_)) => Ok(None),
        other => Err(format!("after the initial response came {other:?}")),
    }
}
