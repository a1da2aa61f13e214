use std::time::Duration;

use lookaside_core::{Backoff, BackoffConfig};
use lookaside_proto::xds::service::orca::v3::{
    OrcaLoadReportRequest, open_rca_service_client::OpenRcaServiceClient,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep_until},
};
use tonic::{Code, Status};

use super::backend::Reader;
use crate::{Subchannel, subchannel::Direct};

/// The stream of one connection's load reports (A51), opened again when it ends. Ends with
/// its owner, who lets go of it when the connection has ended.
#[derive(Debug)]
pub(super) struct LoadStream(JoinHandle<()>);

impl LoadStream {
    /// Opens it over a connection that is READY.
    pub(super) fn open(subchannel: &Subchannel, period: Duration, reader: Reader) -> Self {
        let direct = subchannel.direct();
        Self(tokio::spawn(async move {
            // None: it has just ended, and the policy is about to hear of it.
            if let Some(direct) = direct {
                read(direct, period, reader).await;
            }
        }))
    }
}

impl Drop for LoadStream {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn read(direct: Direct, period: Duration, reader: Reader) {
    let peer = direct.peer().clone();
    let mut client = OpenRcaServiceClient::new(direct);
    let mut backoff = Backoff::new(BackoffConfig::default());
    let mut rng = fastrand::Rng::new();
    loop {
        let began = Instant::now();
        let why = match reports(&mut client, period, &reader, &mut backoff).await {
            Err(status) if status.code() == Code::Unimplemented => {
                // It has no weight, and counts as the mean of the others.
                tracing::debug!(%peer, "reports no load out of band");
                return;
            }
            Err(status) => format!("{:?}: {}", status.code(), status.message()),
            Ok(()) => "the stream ended".to_owned(),
        };
        tracing::debug!(%peer, why, "load reports ended");
        // From the beginning, as for connections.
        sleep_until(began + backoff.next(&mut rng)).await;
    }
}

/// One stream until its end.
async fn reports(
    client: &mut OpenRcaServiceClient<Direct>,
    period: Duration,
    reader: &Reader,
    backoff: &mut Backoff,
) -> Result<(), Status> {
    let request = OrcaLoadReportRequest {
        // Longer than 292 billion years is as good as the server's own pace.
        report_interval: period.try_into().ok(),
    };
    let mut reports = client.stream_core_metrics(request).await?.into_inner();
    while let Some(report) = reports.message().await? {
        backoff.reset();
        reader.read(&report);
    }
    Ok(())
}
