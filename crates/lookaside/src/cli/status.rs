use std::io;

use clap::Args;

use super::{
    Failure,
    inspect::{Ask, print_json},
};
use crate::output::{StatusJson, write_status};

/// Says how a balancer is: ready or not and why, its registry, its build.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside status
  lookaside status --balancer lb-1:7401 --json     the admin port answers throughout

Exit codes: 0 it ran; 1 something failed while it ran; 2 wrong usage or configuration.")]
pub(super) struct Status {
    #[command(flatten)]
    ask: Ask,
}

impl Status {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let mut inspector = self.ask.connect().await?;
        let status = inspector.status().await?;
        if self.ask.json {
            print_json(&StatusJson::from(&status))?;
        } else {
            write_status(&mut io::stdout(), &status)?;
        }
        Ok(())
    }
}
