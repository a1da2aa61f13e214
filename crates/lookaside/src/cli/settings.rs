use std::io;

use clap::Args;

use super::{
    Failure,
    inspect::{Ask, print_json},
};
use crate::output::{SettingsJson, write_settings};

/// Lists what a balancer was told at its start, and by what: flag, environment, file or
/// default.
///
/// Secrets are not shown. What holds for one service, `lookaside service` says.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside settings
  lookaside settings --changed --balancer lb-1:7400
  lookaside settings --json

Exit codes: 0 it ran; 1 something failed while it ran; 2 wrong usage or configuration.")]
pub(super) struct Settings {
    /// Only what is not left at its default
    #[arg(long)]
    changed: bool,

    #[command(flatten)]
    ask: Ask,
}

impl Settings {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let mut inspector = self.ask.connect().await?;
        let mut keys = inspector.configuration().await?;
        if self.changed {
            keys.retain(|key| key.source != "default");
        }
        if self.ask.json {
            print_json(&SettingsJson::from(&*keys))?;
        } else {
            write_settings(&mut io::stdout(), &keys)?;
        }
        Ok(())
    }
}
