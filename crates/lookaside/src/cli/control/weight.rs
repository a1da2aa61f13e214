use clap::Args;
use lookaside_proto::v1::{
    BackendWeight, clear_override_request::Kind, set_override_request::Order,
};

use super::{
    Failure, Tell, Term,
    or_clear::{OrClear, or_clear},
};

/// Gives a backend another weight than it is registered with.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside weight orders a 10 --for 1h --reason 'new version'
  lookaside weight orders a clear

Exit codes: 0 it ran; 1 something failed while it ran (such as: no such backend);
2 wrong usage or configuration.")]
pub(in crate::cli) struct Weight {
    /// The service, as it is registered
    #[arg(value_name = "SERVICE")]
    service: String,
    /// The backend's id
    #[arg(value_name = "BACKEND")]
    backend: String,
    /// The weight, 0 for none of the calls; or `clear`: as registered
    #[arg(
        value_name = "WEIGHT|clear",
        value_parser = weight,
        allow_negative_numbers = true
    )]
    weight: OrClear<u32>,
    #[command(flatten)]
    term: Term,
    #[command(flatten)]
    tell: Tell,
}

impl Weight {
    pub(in crate::cli) async fn run(self) -> Result<(), Failure> {
        let (backend, tell) = (self.backend, self.tell);
        match self.weight {
            OrClear::Clear => tell.clear(self.service, Kind::Weight, backend).await,
            OrClear::Value(weight) => {
                let order = Order::Weight(BackendWeight { backend, weight });
                tell.set(self.service, order, &self.term).await
            }
        }
    }
}

fn weight(text: &str) -> Result<OrClear<u32>, String> {
    or_clear(text).map_err(|_| format!("expected a whole number from 0 to {}, or clear", u32::MAX))
}
