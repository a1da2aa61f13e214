use std::{io, io::Write};

use clap::Args;

use super::{Admin, Failure};
use crate::output::{write_overrides, write_overrides_json};

/// Lists what operators ordered: who, why, and for how long.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside overrides
  lookaside overrides orders --json

Exit codes: 0 it ran; 1 something failed while it ran; 2 wrong usage or configuration.")]
pub(in crate::cli) struct Overrides {
    /// The service, as it is registered [default: all]
    #[arg(value_name = "SERVICE", default_value = "")]
    service: String,
    #[command(flatten)]
    admin: Admin,
    /// Print JSON: one object
    #[arg(long)]
    json: bool,
}

impl Overrides {
    pub(in crate::cli) async fn run(self) -> Result<(), Failure> {
        let mut controller = self.admin.connect().await?;
        let overrides = controller.list(self.service).await?;
        let mut out = io::stdout();
        if self.json {
            write_overrides_json(&mut out, &overrides)?;
        } else {
            write_overrides(&mut out, &overrides)?;
        }
        out.flush()?;
        Ok(())
    }
}
