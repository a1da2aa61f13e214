use std::io::{self, IsTerminal};

use clap::{ArgGroup, Args};
use lookaside_proto::v1::EndStreamsRequest;

use super::{Failure, Tell};
use crate::{
    output::{write_ended, write_ended_json},
    signals::Signals,
};

/// Ends open streams of one balancer, a few at a time.
///
/// Their clients keep the list they have and open the next stream at once; no call notices.
/// It takes effect on this balancer alone and for as long as this command runs: Ctrl-C stops
/// it. Streams that open after it began are left alone.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("which").required(true),
    after_help = "\
Examples:
  lookaside end-streams orders --reason 'new report interval'
  lookaside end-streams --all --rate 20 --balancer lb-1:7401
  lookaside end-streams --all --peer 10.0.0.0/8

Exit codes: 0 it ran; 1 something failed while it ran (such as: somebody else ends
streams already); 2 wrong usage or configuration."
)]
pub(in crate::cli) struct EndStreams {
    /// Of this service, as it is registered
    #[arg(value_name = "SERVICE", group = "which", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    service: Option<String>,

    /// Of all services
    #[arg(long, group = "which")]
    all: bool,

    /// Of this peer: an address, an address with a port, or a range such as 10.0.0.0/8
    #[arg(long, value_name = "PEER", default_value = "")]
    peer: String,

    /// How many a second
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..=10_000)
    )]
    rate: u32,

    /// In place of an order that is being carried out
    #[arg(long)]
    replace: bool,

    #[command(flatten)]
    tell: Tell,
}

impl EndStreams {
    pub(in crate::cli) async fn run(self) -> Result<(), Failure> {
        let Tell {
            admin,
            reason,
            by,
            json,
        } = self.tell;
        let request = EndStreamsRequest {
            service: self.service.unwrap_or_default(),
            peer: self.peer,
            rate: self.rate,
            by,
            reason,
            replace: self.replace,
        };
        // Also where the shell had it ignored, as it does for what runs in the background.
        let mut signals = Signals::new()?;
        let mut controller = admin.connect().await?;
        let mut progress = controller.end_streams(request).await?;
        let watched = io::stderr().is_terminal();
        loop {
            let now = tokio::select! {
                now = controller.next(&mut progress) => now?,
                name = signals.next() => {
                    let why = anyhow::anyhow!("{name}: no more streams are ended");
                    return Err(Failure::Runtime(why));
                }
            };
            if json {
                write_ended_json(&mut io::stdout(), &now)?;
            } else if now.done {
                write_ended(&mut io::stdout(), &now)?;
            } else if watched {
                write_ended(&mut io::stderr(), &now)?;
            }
            if now.done {
                return Ok(());
            }
        }
    }
}
