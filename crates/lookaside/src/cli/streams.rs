use std::io;

use clap::Args;
use lookaside_proto::v1::ListStreamsRequest;

use super::{
    Failure,
    inspect::{Ask, print_json},
};
use crate::output::{StreamsJson, write_streams};

/// Lists the streams that are open at a balancer: who has which list, and who does not
/// read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside streams
  lookaside streams orders --peer 10.0.0.0/8 --limit 1000
  lookaside streams --behind --balancer lb-1:7400 --json     who has not got the newest

Exit codes: 0 it ran; 1 something failed while it ran (such as: no such service);
2 wrong usage or configuration.")]
pub(super) struct Streams {
    /// Of this service, with or without a port [default: of all]
    #[arg(value_name = "SERVICE")]
    service: Option<String>,

    /// Of this peer: an address, an address with a port, or a range [default: of all]
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "",
        hide_default_value = true
    )]
    peer: String,

    /// Only those whose clients have not got the newest of their service
    #[arg(long)]
    behind: bool,

    /// Show so many at most, the oldest of each service first
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,

    #[command(flatten)]
    ask: Ask,
}

impl Streams {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let mut inspector = self.ask.connect().await?;
        let mut request = ListStreamsRequest {
            service: self.service.unwrap_or_default(),
            peer: self.peer,
            behind: self.behind,
            limit: self.limit,
            page_token: String::new(),
        };
        let mut answer = inspector.streams(request.clone()).await?;
        let wanted = usize::try_from(self.limit).unwrap_or(usize::MAX);
        // An answer has 1000 at most.
        while answer.streams.len() < wanted && !answer.next_page_token.is_empty() {
            request.page_token = std::mem::take(&mut answer.next_page_token);
            request.limit = u32::try_from(wanted - answer.streams.len()).unwrap_or(u32::MAX);
            let next = inspector.streams(request.clone()).await?;
            answer.streams.extend(next.streams);
            answer.total = next.total;
            answer.next_page_token = next.next_page_token;
        }
        if self.ask.json {
            print_json(&StreamsJson::from(&answer))?;
        } else {
            write_streams(&mut io::stdout(), &answer)?;
        }
        Ok(())
    }
}
