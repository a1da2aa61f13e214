//! Telling a balancer what to do.

use anyhow::anyhow;
use lookaside_core::HostPort;
use lookaside_proto::v1::{
    ClearOverrideRequest, ClearOverrideResponse, EndStreamsProgress, EndStreamsRequest,
    ListOverridesRequest, Override, ReloadRequest, Reloaded, SetOverrideRequest,
    SetOverrideResponse, control_client::ControlClient,
};
use lookaside_tls::ClientTls;
use tonic::{Code, Streaming, transport::Channel};

use crate::inspect::{channel, is_late, refused, unanswered, within};

/// One balancer's control service.
#[derive(Debug)]
pub(crate) struct Controller {
    balancer: HostPort,
    client: ControlClient<Channel>,
}

impl Controller {
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
            client: ControlClient::new(channel),
        })
    }

    pub(crate) async fn set(
        &mut self,
        request: SetOverrideRequest,
    ) -> anyhow::Result<SetOverrideResponse> {
        let answer = self.client.set_override(within(request)).await;
        self.ordered(answer)
    }

    pub(crate) async fn clear(
        &mut self,
        request: ClearOverrideRequest,
    ) -> anyhow::Result<ClearOverrideResponse> {
        let answer = self.client.clear_override(within(request)).await;
        self.ordered(answer)
    }

    pub(crate) async fn reload(&mut self, request: ReloadRequest) -> anyhow::Result<Vec<Reloaded>> {
        let answer = self.client.reload(within(request)).await;
        Ok(self.told(answer)?.files)
    }

    pub(crate) async fn list(&mut self, service: String) -> anyhow::Result<Vec<Override>> {
        let request = within(ListOverridesRequest { service });
        let answer = self.client.list_overrides(request).await;
        Ok(self.told(answer)?.overrides)
    }

    pub(crate) async fn end_streams(
        &mut self,
        request: EndStreamsRequest,
    ) -> anyhow::Result<Streaming<EndStreamsProgress>> {
        let answer = self.client.end_streams(request).await;
        self.told(answer)
    }

    /// How far an order to end streams is.
    pub(crate) async fn next(
        &self,
        progress: &mut Streaming<EndStreamsProgress>,
    ) -> anyhow::Result<EndStreamsProgress> {
        match progress.message().await {
            Ok(Some(now)) => Ok(now),
            Ok(None) => Err(anyhow!("balancer {}: it stopped half-way", self.balancer)),
            Err(status) => Err(refused(&self.balancer, &status)),
        }
    }

    /// As [`Controller::told`], of an order that is written: without an answer, nobody knows
    /// whether it was.
    fn ordered<T>(&self, answer: Result<tonic::Response<T>, tonic::Status>) -> anyhow::Result<T> {
        let is_unknown = matches!(&answer, Err(status)
            if is_late(status) || status.code() == Code::DeadlineExceeded);
        self.told(answer).map_err(|error| match is_unknown {
            true => anyhow!("{error}; it may stand all the same: look at `lookaside overrides`"),
            false => error,
        })
    }

    fn told<T>(&self, answer: Result<tonic::Response<T>, tonic::Status>) -> anyhow::Result<T> {
        answer.map(tonic::Response::into_inner).map_err(|status| {
            if status.code() == Code::Unimplemented && status.message().starts_with("no service") {
                refused(&self.balancer, &status)
                    .context("this is no admin port: --balancer takes the one of `serve --admin`")
            } else {
                unanswered(&self.balancer, &status)
            }
        })
    }
}
