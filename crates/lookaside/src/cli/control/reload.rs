use std::io;

use anyhow::anyhow;
use clap::Args;
use lookaside_proto::v1::{ReloadRequest, reloaded::Outcome};

use super::{Failure, Tell};
use crate::output::write_reloaded;

/// Has a balancer read certificates and token keys again, and says what came of each file.
///
/// It does so by itself every few seconds, and on SIGHUP; this says at once whether a file
/// is any good. The configuration file is read at the start only: this says whether the
/// next start will go well, and what it will change.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside reload --balancer lb-1:7401 --reason 'new certificate'

Exit codes: 0 it ran; 1 something failed while it ran (such as: a file is of no use);
2 wrong usage or configuration.")]
pub(in crate::cli) struct Reload {
    #[command(flatten)]
    tell: Tell,
}

impl Reload {
    pub(in crate::cli) async fn run(self) -> Result<(), Failure> {
        let Tell {
            admin,
            reason,
            by,
            json,
        } = self.tell;
        let mut controller = admin.connect().await?;
        let files = controller.reload(ReloadRequest { by, reason }).await?;
        write_reloaded(&mut io::stdout(), &files, json)?;
        let failed = files.iter().filter(|it| it.outcome() == Outcome::Failed);
        match failed.count() {
            0 => Ok(()),
            n => Err(Failure::Runtime(anyhow!("files that are of no use: {n}"))),
        }
    }
}
