use std::{convert::Infallible, future::Future};

use lookaside_proto::lb::load_balancer_server::SERVICE_NAME as LOAD_BALANCER;
use tokio::sync::watch;
use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};

use super::MAX_REQUEST_BYTES;
use crate::Readiness;

/// The overall health of a server, as `grpc.health.v1` names it.
const OVERALL: &str = "";

/// `grpc.health.v1.Health`, and what keeps it up to date.
pub(super) fn service(
    readiness: watch::Receiver<Readiness>,
) -> (HealthServer<HealthService>, impl Future<Output = ()> + Send) {
    let reporter = HealthReporter::new();
    let server = HealthServer::new(HealthService::from_health_reporter(reporter.clone()))
        .max_decoding_message_size(MAX_REQUEST_BYTES);
    let follow = async move {
        let _: Option<Infallible> = follow(readiness, reporter).await;
    };
    (server, follow)
}

/// Returns when the balancer is gone.
async fn follow(
    mut readiness: watch::Receiver<Readiness>,
    reporter: HealthReporter,
) -> Option<Infallible> {
    loop {
        let status = if readiness.borrow_and_update().is_ready() {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        for service in [OVERALL, LOAD_BALANCER] {
            reporter.set_service_status(service, status).await;
        }
        readiness.changed().await.ok()?;
    }
}
