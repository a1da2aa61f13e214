use clap::Args;
use lookaside_proto::v1::{clear_override_request::Kind, set_override_request::Order};

use super::{Failure, Tell, Term};

/// Keeps calls from all backends of a machine or zone, of all services, those to come too.
#[derive(Debug, Args)]
#[command(after_help = "\
Calls that are under way end undisturbed. `drain` is for one backend of one service.

Examples:
  lookaside cordon 10.0.0.5 --for 2h --reason 'new disk'
  lookaside cordon node-5.example.com
  lookaside cordon --zone eu-1 --reason 'power work'

Exit codes: 0 it ran; 1 something failed while it ran (such as: no backend is there);
2 wrong usage or configuration.")]
pub(in crate::cli) struct Cordon {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    term: Term,
    #[command(flatten)]
    tell: Tell,
}

/// Ends a cordon: backends there get calls again, but for those that are drained.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside uncordon 10.0.0.5
  lookaside uncordon --zone eu-1

Exit codes: 0 it ran; 1 something failed while it ran; 2 wrong usage or configuration.")]
pub(in crate::cli) struct Uncordon {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    tell: Tell,
}

/// Where.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Place {
    /// The machine: its IP address, or the host name that backends are registered by
    #[arg(value_name = "HOST")]
    host: Option<String>,
    /// All machines of this zone, as backends register it
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
}

impl Cordon {
    pub(in crate::cli) async fn run(self) -> Result<(), Failure> {
        let Place { host, zone } = self.place;
        let order = match zone {
            Some(zone) => Order::CordonZone(zone),
            None => Order::CordonHost(host.unwrap_or_default()),
        };
        self.tell.set(String::new(), order, &self.term).await
    }
}

impl Uncordon {
    pub(in crate::cli) async fn run(self) -> Result<(), Failure> {
        let Place { host, zone } = self.place;
        let (kind, place) = match zone {
            Some(zone) => (Kind::CordonZone, zone),
            None => (Kind::CordonHost, host.unwrap_or_default()),
        };
        self.tell
            .end(String::new(), kind, String::new(), place)
            .await
    }
}
