use anyhow::anyhow;
use clap::Args;
use lookaside_agent::{KeyFiles, KeyFollower, KeySource, TokenCheck, TokenMode};
use lookaside_core::{BackendId, ServiceName};
use tokio_util::task::AbortOnDropHandle;

use super::Failure;
use crate::backend::report;

/// How a backend checks the tokens of its calls.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Tokens")]
pub(super) struct TokenArgs {
    /// A file with keys that balancers sign tokens with; may be repeated. Read again on
    /// SIGHUP, and every few seconds
    #[arg(long, value_name = "file:PATH", value_delimiter = ',')]
    token_key: Vec<KeySource>,

    /// What becomes of calls: observe (all pass, and are counted), reject-invalid (an
    /// invalid token is refused), or require (a missing one too: no fallback) [default:
    /// observe]
    #[arg(long, value_name = "MODE")]
    token_mode: Option<TokenMode>,
}

/// A check of tokens, and what keeps it up to date.
#[derive(Debug)]
pub(super) struct CheckedTokens {
    check: TokenCheck,
    /// Not without keys.
    follower: Option<KeyFollower>,
    _report: AbortOnDropHandle<()>,
}

impl TokenArgs {
    /// Refuses to be told about tokens when there is no service whose tokens they are.
    pub(super) fn check_unused(&self) -> Result<(), Failure> {
        let given = [
            ("--token-key", !self.token_key.is_empty()),
            ("--token-mode", self.token_mode.is_some()),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(Failure::Usage(anyhow!(
                "{flag} is about the tokens of a registered backend: give --service SERVICE too"
            ))),
            None => Ok(()),
        }
    }

    /// Starts to check the tokens of this backend's calls.
    pub(super) fn check(
        &self,
        identity: (ServiceName, BackendId),
    ) -> Result<CheckedTokens, Failure> {
        let mode = self.token_mode.unwrap_or_default();
        let mut builder = TokenCheck::builder().backend(identity).mode(mode);
        let files = KeyFiles::new(self.token_key.iter().cloned());
        let has_keys = !self.token_key.is_empty();
        if has_keys {
            builder = builder.keys(files.read().map_err(Failure::usage)?);
        }
        let check = builder
            .build()
            .map_err(|error| Failure::Usage(anyhow!("{error}; give --token-key file:PATH")))?;
        Ok(CheckedTokens {
            follower: has_keys.then(|| check.follow(files)),
            _report: AbortOnDropHandle::new(tokio::spawn(report(check.clone()))),
            check,
        })
    }
}

impl CheckedTokens {
    pub(super) fn check(&self) -> &TokenCheck {
        &self.check
    }

    /// Looks at the key files now.
    pub(super) fn reload(&self) {
        if let Some(follower) = &self.follower {
            follower.reload();
        }
    }
}
