//! A raw `grpc.lb.v1` stream, to see exactly what a balancer sends.

use std::{collections::BTreeMap, net::SocketAddr};

use anyhow::{Context, Result, bail};
use lookaside_proto::lb::{
    ClientStats, InitialLoadBalanceRequest, LoadBalanceRequest, LoadBalanceResponse, Server,
    load_balance_request::LoadBalanceRequestType as Request,
    load_balance_response::LoadBalanceResponseType as Response,
    load_balancer_client::LoadBalancerClient,
};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming, transport::Channel};

use crate::{inspect, process::PATIENCE};

/// An open stream; dropping it resets it.
#[derive(Debug)]
pub struct Stream {
    requests: Option<mpsc::Sender<LoadBalanceRequest>>,
    responses: Streaming<LoadBalanceResponse>,
}

/// The initial request for a service.
pub fn initial(name: &str) -> LoadBalanceRequest {
    let initial = InitialLoadBalanceRequest {
        name: name.to_owned(),
    };
    LoadBalanceRequest {
        load_balance_request_type: Some(Request::InitialRequest(initial)),
    }
}

/// A load report.
pub fn report(stats: ClientStats) -> LoadBalanceRequest {
    LoadBalanceRequest {
        load_balance_request_type: Some(Request::ClientStats(stats)),
    }
}

/// Opens a stream whose first message is `first`.
///
/// # Errors
/// The status with which the balancer refuses it.
pub async fn open(balancer: SocketAddr, first: LoadBalanceRequest) -> Result<Stream, Status> {
    let channel = inspect::connect(balancer)
        .await
        .map_err(|e| Status::unavailable(format!("{e:#}")))?;
    open_over(channel, first).await
}

/// As [`open`], over a connection that there is.
///
/// # Errors
/// The status with which the balancer refuses it.
pub async fn open_over(channel: Channel, first: LoadBalanceRequest) -> Result<Stream, Status> {
    let mut client = LoadBalancerClient::new(channel);
    let (requests, receiver) = mpsc::channel(16);
    requests.try_send(first).expect("room for one");
    let responses = client
        .balance_load(ReceiverStream::new(receiver))
        .await?
        .into_inner();
    Ok(Stream {
        requests: Some(requests),
        responses,
    })
}

impl Stream {
    /// Opens one for `service` and checks that the initial response comes first.
    ///
    /// # Errors
    /// As the balancer answers.
    pub async fn open(balancer: SocketAddr, service: &str) -> Result<Self> {
        open(balancer, initial(service)).await?.begun().await
    }

    /// As [`Stream::open`], over a connection that there is.
    ///
    /// # Errors
    /// As the balancer answers.
    pub async fn open_over(channel: Channel, service: &str) -> Result<Self> {
        open_over(channel, initial(service)).await?.begun().await
    }

    async fn begun(self) -> Result<Self> {
        let mut stream = self;
        match stream.next().await? {
            Some(Response::InitialResponse(_)) => Ok(stream),
            other => bail!("the first message is {other:?}"),
        }
    }

    /// The next message; `None` after a good end.
    ///
    /// # Errors
    /// A bad end, or none within [`PATIENCE`], which is longer than a drain.
    pub async fn next(&mut self) -> Result<Option<Response>> {
        let next = timeout(PATIENCE, self.responses.message())
            .await
            .context("no message")??;
        let Some(message) = next else { return Ok(None) };
        Ok(Some(
            message
                .load_balance_response_type
                .context("an empty message")?,
        ))
    }

    /// The next message, which must be a list.
    ///
    /// # Errors
    /// If it is something else.
    pub async fn list(&mut self) -> Result<Vec<Server>> {
        match self.next().await? {
            Some(Response::ServerList(list)) if !list.servers.is_empty() => Ok(list.servers),
            other => bail!("expected a list, got {other:?}"),
        }
    }

    /// Reads lists until one satisfies `wanted`.
    ///
    /// # Errors
    /// If something else comes, or nothing.
    pub async fn list_where(
        &mut self,
        mut wanted: impl FnMut(&[Server]) -> bool,
    ) -> Result<Vec<Server>> {
        loop {
            let list = self.list().await?;
            if wanted(&list) {
                return Ok(list);
            }
        }
    }

    /// Sends a load report.
    ///
    /// # Errors
    /// If the stream is closed.
    pub async fn report(&self, stats: ClientStats) -> Result<()> {
        let requests = self.requests.as_ref().context("half-closed")?;
        Ok(requests.send(report(stats)).await?)
    }

    /// Ends the request side.
    pub fn half_close(&mut self) {
        self.requests = None;
    }
}

/// How many slots each address has; drops under `drop:<token>`.
pub fn counts(servers: &[Server]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for server in servers {
        *counts.entry(slot(server)).or_default() += 1;
    }
    counts
}

fn slot(server: &Server) -> String {
    if server.drop {
        return format!("drop:{}", server.load_balance_token);
    }
    let port = u16::try_from(server.port).expect("a port");
    let addr = if let Ok(v4) = <[u8; 4]>::try_from(server.ip_address.as_slice()) {
        SocketAddr::from((v4, port))
    } else {
        let v6 = <[u8; 16]>::try_from(server.ip_address.as_slice()).expect("4 or 16 bytes");
        SocketAddr::from((v6, port))
    };
    addr.to_string()
}
