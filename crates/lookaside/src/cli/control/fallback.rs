use clap::Args;
use lookaside_proto::v1::{clear_override_request::Kind, set_override_request::Order};

use super::{
    Failure, Tell, Term,
    or_clear::{OrClear, or_clear},
};

/// Sends a service's clients to their own addresses, or keeps them from going there.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside fallback orders on --for 10m --reason 'lists are being tested'
  lookaside fallback orders off     no fallback, whatever the settings say
  lookaside fallback orders clear   as the settings say

Exit codes: 0 it ran; 1 something failed while it ran (such as: no such service);
2 wrong usage or configuration.")]
pub(in crate::cli) struct Fallback {
    /// The service, as it is registered
    #[arg(value_name = "SERVICE")]
    service: String,
    /// `on`, `off`, or `clear`
    #[arg(value_name = "on|off|clear", value_parser = or_clear::<Switch>)]
    fallback: OrClear<Switch>,
    #[command(flatten)]
    term: Term,
    #[command(flatten)]
    tell: Tell,
}

impl Fallback {
    pub(in crate::cli) async fn run(self) -> Result<(), Failure> {
        let tell = self.tell;
        match self.fallback {
            OrClear::Clear => {
                tell.clear(self.service, Kind::Fallback, String::new())
                    .await
            }
            OrClear::Value(Switch(on)) => {
                tell.set(self.service, Order::Fallback(on), &self.term)
                    .await
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Switch(bool);

impl std::str::FromStr for Switch {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "on" => Ok(Self(true)),
            "off" => Ok(Self(false)),
            _ => Err("expected on, off or clear"),
        }
    }
}
