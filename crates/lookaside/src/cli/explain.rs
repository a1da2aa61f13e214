use std::io;

use clap::Args;
use lookaside_proto::v1::ExplainRequest;

use super::{
    Failure,
    inspect::{Ask, print_json},
};
use crate::output::{ExplanationJson, write_explanation};

/// Says why a backend has the share of calls it has: all that goes into it, in order.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside explain orders a
  lookaside explain orders 10.0.0.1:50051 --peer 10.0.7.3     also where that client begins
  lookaside explain orders a --stream 17 --json

Exit codes: 0 it ran; 1 something failed while it ran (such as: no such backend);
2 wrong usage or configuration.")]
pub(super) struct Explain {
    /// The service, with or without a port, as clients name it
    #[arg(value_name = "SERVICE")]
    service: String,

    /// The backend: its id, or its address
    #[arg(value_name = "BACKEND")]
    backend: String,

    /// Also what the streams of this peer have: an address, an address with a port, or a
    /// range
    #[arg(long, value_name = "ADDRESS", conflicts_with = "stream")]
    peer: Option<String>,

    /// Also what this stream has: its number in `lookaside streams`
    #[arg(long, value_name = "STREAM", value_parser = clap::value_parser!(u64).range(1..))]
    stream: Option<u64>,

    #[command(flatten)]
    ask: Ask,
}

impl Explain {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let mut inspector = self.ask.connect().await?;
        let request = ExplainRequest {
            service: self.service,
            backend: self.backend,
            peer: self.peer.unwrap_or_default(),
            stream: self.stream.unwrap_or_default(),
        };
        let explained = inspector.explain(request).await?;
        if self.ask.json {
            print_json(&ExplanationJson::from(&explained))?;
        } else {
            write_explanation(&mut io::stdout(), &explained)?;
        }
        Ok(())
    }
}
