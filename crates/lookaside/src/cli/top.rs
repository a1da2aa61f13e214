use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use anyhow::anyhow;
use clap::Args;
use lookaside_core::HostPort;

use super::{Failure, tls::BalancerTls, values};
use crate::top;

/// Shows a balancer live: its services, calls and drops a second, streams, and backends.
///
/// Calls and drops a second come from clients' load reports, over the last 30 s. Keys: q
/// ends it, up and down (or k and j) choose, enter shows a service's backends, esc goes
/// back, s sorts by another column. When the balancer goes away it says so, keeps what it
/// had, and goes on when the balancer is back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside top
  lookaside top --balancer lb-1:7400 --every 5s

Exit codes: 0 it was ended; 1 the terminal failed; 2 wrong usage, or standard output is no
terminal.")]
pub(super) struct Top {
    /// The balancer to ask: its client or its admin port
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "LOOKASIDE_BALANCER",
        default_value = "127.0.0.1:7400",
        value_parser = values::dialable
    )]
    balancer: HostPort,

    #[command(flatten)]
    tls: BalancerTls,

    /// How often to ask
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = values::some_time)]
    every: Duration,
}

impl Top {
    pub(super) async fn run(self) -> Result<(), Failure> {
        if !io::stdout().is_terminal() {
            return Err(Failure::Usage(anyhow!(
                "standard output is no terminal, and `top` draws on one: use `lookaside \
                 services`, or `lookaside watch NAME`"
            )));
        }
        let tls = self.tls.load()?;
        Ok(Box::pin(top::run(self.balancer, tls, self.every)).await?)
    }
}
