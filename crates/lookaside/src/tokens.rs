//! The keys that a balancer signs tokens with.

use lookaside_agent::{KeyFiles, KeyFollower};
use lookaside_core::TokenIssuer;
use tokio::sync::watch;

use crate::{cli::Failure, config};

/// What makes a balancer's tokens, and follows its key files.
#[derive(Debug)]
pub(crate) struct Tokens {
    issuer: watch::Receiver<TokenIssuer>,
    /// Not where tokens are unsigned.
    follower: Option<KeyFollower>,
}

impl Tokens {
    /// Reads the keys and follows their files from then on.
    pub(crate) fn open(config: &config::Tokens) -> Result<Self, Failure> {
        let sources = config.sources().map_err(anyhow::Error::msg);
        let sources = sources.map_err(Failure::Usage)?;
        if sources.is_empty() {
            return Ok(Self {
                issuer: watch::channel(TokenIssuer::Unsigned).1,
                follower: None,
            });
        }
        let files = KeyFiles::new(sources);
        let ring = files.read().map_err(Failure::usage)?;
        tracing::info!(key = %ring.signing().id(), keys = ring.keys().len(), "tokens are signed");
        let (changes, issuer) = watch::channel(TokenIssuer::Signed(ring.clone()));
        let follower = files.follow(Some(ring), move |ring| {
            changes.send_replace(TokenIssuer::Signed(ring));
        });
        Ok(Self {
            issuer,
            follower: Some(follower),
        })
    }

    /// Makes tokens, now and after every change of the keys.
    pub(crate) fn issuer(&self) -> watch::Receiver<TokenIssuer> {
        self.issuer.clone()
    }

    /// Looks at the files now.
    pub(crate) fn reload(&self) {
        if let Some(follower) = &self.follower {
            follower.reload();
        }
    }
}
