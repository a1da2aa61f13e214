use clap::Args;
use lookaside_proto::v1::{clear_override_request::Kind, set_override_request::Order};

use super::{Failure, Tell, Term};

/// Takes a backend out of all lists. Calls that are under way end undisturbed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside drain orders 10.0.0.1:50051 --reason 'disk is failing'
  lookaside drain orders a --for 30m --balancer lb-1:7401

Exit codes: 0 it ran; 1 something failed while it ran (such as: no such backend);
2 wrong usage or configuration.")]
pub(in crate::cli) struct Drain {
    /// The service, as it is registered
    #[arg(value_name = "SERVICE")]
    service: String,
    /// The backend's id
    #[arg(value_name = "BACKEND")]
    backend: String,
    #[command(flatten)]
    term: Term,
    #[command(flatten)]
    tell: Tell,
}

/// Puts a backend back that was drained.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside undrain orders 10.0.0.1:50051

Exit codes: 0 it ran; 1 something failed while it ran; 2 wrong usage or configuration.")]
pub(in crate::cli) struct Undrain {
    /// The service, as it is registered
    #[arg(value_name = "SERVICE")]
    service: String,
    /// The backend's id
    #[arg(value_name = "BACKEND")]
    backend: String,
    #[command(flatten)]
    tell: Tell,
}

impl Drain {
    pub(in crate::cli) async fn run(self) -> Result<(), Failure> {
        let order = Order::DrainBackend(self.backend);
        self.tell.set(self.service, order, &self.term).await
    }
}

impl Undrain {
    pub(in crate::cli) async fn run(self) -> Result<(), Failure> {
        self.tell
            .clear(self.service, Kind::Drain, self.backend)
            .await
    }
}
