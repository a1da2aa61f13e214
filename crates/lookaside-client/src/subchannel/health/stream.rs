use std::{convert::Infallible, sync::Arc};

use lookaside_core::{Backoff, BackoffConfig};
use lookaside_proto::health::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tonic::{Code, Status};

use super::{Health, HealthCheck, HealthReport};
use crate::subchannel::direct::Direct;

impl HealthCheck {
    /// Asks for the health of `service`; empty: of the server as a whole.
    pub(crate) fn new(service: impl Into<Arc<str>>) -> Self {
        Self {
            service: service.into(),
            start: |direct, service, report| Box::pin(ask(direct, service, report)),
        }
    }
}

/// Asks, and asks again when the answers end (A17).
async fn ask(direct: Direct, service: Arc<str>, report: watch::Sender<HealthReport>) -> Infallible {
    let peer = direct.peer().clone();
    let mut client = HealthClient::new(direct);
    let mut backoff = Backoff::new(BackoffConfig::default());
    let mut rng = fastrand::Rng::new();
    loop {
        let began = Instant::now();
        let end = answers(&mut client, &service, &report, &mut backoff).await;
        let why = match end {
            Err(status) if status.code() == Code::Unimplemented => {
                // Also that may be a mistake; but to check what cannot be checked must not
                // take every backend out of service.
                tracing::error!(
                    address = %peer,
                    service = &*service,
                    "a backend has no health service: it counts as healthy"
                );
                report.send_replace(HealthReport {
                    health: Health::Serving,
                    why: None,
                });
                // For as long as the connection lives.
                return std::future::pending().await;
            }
            Err(status) => format!("{:?}: {}", status.code(), status.message()),
            Ok(()) => "the stream ended".to_owned(),
        };
        // From the beginning, as for connections: a stream that lasted is opened again at
        // once, and one that ends as soon as it has answered once a second.
        let again = began + backoff.next(&mut rng);
        let at_once = again <= Instant::now();
        tracing::info!(address = %peer, service = &*service, reason = why, at_once, "health check ended");
        report.send_replace(if at_once {
            HealthReport {
                health: Health::Pending,
                why: None,
            }
        } else {
            let why = format!("health check of {service:?} failed: {why}");
            HealthReport {
                health: Health::NotServing,
                why: Some(why.into()),
            }
        });
        sleep_until(again).await;
    }
}

/// One stream until its end.
async fn answers(
    client: &mut HealthClient<Direct>,
    service: &str,
    report: &watch::Sender<HealthReport>,
    backoff: &mut Backoff,
) -> Result<(), Status> {
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    let mut answers = client.watch(request).await?.into_inner();
    while let Some(answer) = answers.message().await? {
        backoff.reset();
        let status = answer.status();
        let new = match status {
            ServingStatus::Serving => HealthReport {
                health: Health::Serving,
                why: None,
            },
            _ => HealthReport {
                health: Health::NotServing,
                why: Some(format!("{service:?} is {}", status.as_str_name()).into()),
            },
        };
        report.send_if_modified(|old| {
            let changed = *old != new;
            *old = new;
            changed
        });
    }
    Ok(())
}
