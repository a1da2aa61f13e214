use clap::Args;
use lookaside_core::{HostPort, ServiceName};

use super::{Failure, registration::Registration, values};
use crate::signals::Signals;

/// Registers a backend that does not register itself, and keeps it registered.
///
/// Stays in the foreground; on SIGINT or SIGTERM it announces the departure, waits, and
/// deregisters. A second signal ends it at once, and the registration expires.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside register orders 10.0.0.5:50051 --weight 200 --registry etcd://10.0.0.1:2379
  lookaside register orders 10.0.0.5:50051 --balancer lb-1:7400,lb-2:7400

Exit codes: 0 it ran; 1 something failed while it ran; 2 wrong usage or configuration.")]
pub(super) struct Register {
    /// The service it belongs to
    #[arg(value_name = "SERVICE")]
    service: ServiceName,

    /// Where clients dial it
    #[arg(value_name = "HOST:PORT", value_parser = values::dialable)]
    address: HostPort,

    #[command(flatten)]
    registration: Registration,
}

impl Register {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let place = self.registration.place()?;
        let mut signals = Signals::new()?;
        let agent = self
            .registration
            .start(self.service.as_str(), &self.address, place)
            .await?;
        let name = signals.next().await;
        tracing::info!(reason = name, "leaving");
        signals.unless_repeated(agent.shutdown()).await?;
        Ok(())
    }
}
