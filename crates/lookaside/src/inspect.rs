//! Asking a balancer what it knows.

mod connector;

use std::{error::Error, time::Duration};

use anyhow::{Context, anyhow};
use lookaside_core::HostPort;
use lookaside_proto::v1::{
    ConfigurationKey, ExplainRequest, ExplainResponse, FindTokenRequest, FindTokenResponse,
    GetConfigurationRequest, GetServiceRequest, GetStatusRequest, GetStatusResponse,
    ListServicesRequest, ListStreamsRequest, ListStreamsResponse, Service, ServiceSummary,
    WatchServiceRequest, inspect_client::InspectClient,
};
use lookaside_tls::ClientTls;
use tonic::{
    Code, Status, Streaming, TimeoutExpired,
    transport::{Channel, Endpoint},
};

use self::connector::Connector;
use crate::output::code_name;

/// A person waits: longer than this is no answer.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// A list of 10,000 backends is some 3 MB here.
const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// Pings while watching, so that a balancer that vanished is noticed.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// One balancer's inspection service.
#[derive(Clone, Debug)]
pub(crate) struct Inspector {
    balancer: HostPort,
    channel: Channel,
    client: InspectClient<Channel>,
}

impl Inspector {
    /// Connects.
    ///
    /// # Errors
    /// Names the balancer and what went wrong.
    pub(crate) async fn connect(
        balancer: HostPort,
        tls: Option<ClientTls>,
    ) -> anyhow::Result<Self> {
        let channel = channel(&balancer, tls).await?;
        Ok(Self {
            balancer,
            client: InspectClient::new(channel.clone())
                .max_decoding_message_size(MAX_MESSAGE_BYTES),
            channel,
        })
    }

    pub(crate) async fn status(&mut self) -> anyhow::Result<GetStatusResponse> {
        let answer = self.client.get_status(within(GetStatusRequest {})).await;
        self.told(answer)
    }

    pub(crate) async fn services(&mut self) -> anyhow::Result<Vec<ServiceSummary>> {
        let request = within(ListServicesRequest {});
        let answer = self.client.list_services(request).await;
        Ok(self.told(answer)?.services)
    }

    pub(crate) async fn service(&mut self, name: &str) -> anyhow::Result<Service> {
        let name = name.to_owned();
        let request = within(GetServiceRequest { name });
        let answer = self.client.get_service(request).await;
        self.told(answer)
    }

    pub(crate) async fn streams(
        &mut self,
        request: ListStreamsRequest,
    ) -> anyhow::Result<ListStreamsResponse> {
        let answer = self.client.list_streams(within(request)).await;
        self.told(answer)
    }

    /// As [`Inspector::service`]; `None` for one that is not known.
    pub(crate) async fn service_if_known(&mut self, name: &str) -> anyhow::Result<Option<Service>> {
        let name = name.to_owned();
        let request = within(GetServiceRequest { name });
        match self.client.get_service(request).await {
            Err(status) if status.code() == Code::NotFound => Ok(None),
            answer => self.told(answer).map(Some),
        }
    }

    /// Its connection, to ask other services of the same balancer.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(crate) async fn token(&mut self, token: &str) -> anyhow::Result<FindTokenResponse> {
        let token = token.to_owned();
        let answer = self
            .client
            .find_token(within(FindTokenRequest { token }))
            .await;
        self.told(answer)
    }

    pub(crate) async fn explain(
        &mut self,
        request: ExplainRequest,
    ) -> anyhow::Result<ExplainResponse> {
        let answer = self.client.explain(within(request)).await;
        self.told(answer)
    }

    pub(crate) async fn configuration(&mut self) -> anyhow::Result<Vec<ConfigurationKey>> {
        let request = within(GetConfigurationRequest {});
        let answer = self.client.get_configuration(request).await;
        Ok(self.told(answer)?.keys)
    }

    pub(crate) async fn watch(&mut self, name: &str) -> Result<Streaming<Service>, Lost> {
        let name = name.to_owned();
        let answer = self
            .client
            .watch_service(WatchServiceRequest { name })
            .await;
        let answer = answer.map(tonic::Response::into_inner);
        answer.map_err(|status| Lost::new(&self.balancer, &status))
    }

    /// The next state of a watched service.
    pub(crate) async fn next(&self, watch: &mut Streaming<Service>) -> Result<Service, Lost> {
        match watch.message().await {
            Ok(Some(service)) => Ok(service),
            // As it does when it is shut down.
            Ok(None) => {
                let error = anyhow!("balancer {}: it ended the watch", self.balancer);
                Err(Lost::Connection(error))
            }
            Err(status) => Err(Lost::new(&self.balancer, &status)),
        }
    }

    fn told<T>(&self, answer: Result<tonic::Response<T>, Status>) -> anyhow::Result<T> {
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| unanswered(&self.balancer, &status))
    }
}

/// Why a watch ended.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The balancer is gone, and may come back.
    Connection(anyhow::Error),
    /// It will say the same again.
    Refused(anyhow::Error),
}

impl Lost {
    fn new(balancer: &HostPort, status: &Status) -> Self {
        let error = refused(balancer, status);
        // The first is the balancer's word when it ends; the others are tonic's for a
        // connection that breaks or is reset.
        let is_gone = matches!(
            status.code(),
            Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled
        );
        if is_gone || status.source().is_some() {
            Self::Connection(error)
        } else {
            Self::Refused(error)
        }
    }
}

/// Connects to a balancer, for a few requests.
///
/// # Errors
/// Names the balancer and what went wrong.
pub(crate) async fn channel(
    balancer: &HostPort,
    tls: Option<ClientTls>,
) -> anyhow::Result<Channel> {
    Endpoint::from_shared(format!("http://{balancer}"))?
        .connect_timeout(REQUEST_TIME)
        .http2_keep_alive_interval(KEEPALIVE)
        .connect_with_connector(Connector(tls))
        .await
        .map_err(|error| anyhow!("{}", root(&error)))
        .with_context(|| format!("balancer {balancer}: cannot connect"))
}

/// Why a balancer did not do what it was asked.
pub(crate) fn refused(balancer: &HostPort, status: &Status) -> anyhow::Error {
    match status.source() {
        Some(_) if is_late(status) => {
            anyhow!("balancer {balancer}: no answer within {REQUEST_TIME:?}")
        }
        // Not the balancer's word, but how the connection ended.
        Some(cause) => anyhow!("balancer {balancer}: connection lost: {}", root(cause)),
        None => {
            let code = code_name(status.code());
            match status.message() {
                "" => anyhow!("balancer {balancer}: {code}"),
                message => anyhow!("balancer {balancer}: {code}: {message}"),
            }
        }
    }
}

/// As [`refused`], of a request on a new connection: what ends it then is mostly that no
/// balancer listens there, or that one of both speaks TLS.
pub(crate) fn unanswered(balancer: &HostPort, status: &Status) -> anyhow::Error {
    let error = refused(balancer, status);
    if status.source().is_some() && !is_late(status) {
        anyhow!("{error}: is it a balancer's port, and with TLS, were --ca and --cert given?")
    } else if status.code() == Code::Unimplemented && status.source().is_none() {
        anyhow!("{error}: what answers there is no balancer, or one of another version")
    } else {
        error
    }
}

/// Whether nobody answered in time.
pub(crate) fn is_late(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(it) = cause {
        if it.is::<TimeoutExpired>() {
            return true;
        }
        cause = it.source();
    }
    false
}

/// A request that ends when a person would give up.
pub(crate) fn within<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(REQUEST_TIME);
    request
}

/// The innermost cause: the layers above it only say "transport error".
fn root(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests;
