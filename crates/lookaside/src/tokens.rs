//! The keys that a balancer signs tokens with.

use lookaside_agent::{KeyFiles, KeyFollower};
use lookaside_core::TokenIssuer;
use lookaside_server::{ReloadOutcome, Reloaded};
use tokio::sync::watch;

use crate::{cli::Failure, config};

/// What makes a balancer's tokens, and follows its key files.
#[derive(Debug)]
pub(crate) struct Tokens {
    issuer: watch::Receiver<TokenIssuer>,
    /// Not where tokens are unsigned.
    follower: Option<KeyFollower>,
    /// For people, with commas between them.
    files: String,
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
                files: String::new(),
            });
        }
        let paths: Vec<_> = sources
            .iter()
            .map(|it| it.path().display().to_string())
            .collect();
        let files = KeyFiles::new(sources);
        let ring = files.read().map_err(Failure::usage)?;
        let ids: Vec<_> = ring.keys().iter().map(|key| key.id()).collect();
        tracing::info!(token_keys = ?ids, "tokens are signed: the first key signs");
        let (changes, issuer) = watch::channel(TokenIssuer::Signed(ring.clone()));
        let follower = files.follow(Some(ring), move |ring| {
            changes.send_replace(TokenIssuer::Signed(ring));
        });
        Ok(Self {
            issuer,
            follower: Some(follower),
            files: paths.join(", "),
        })
    }

    /// Makes tokens, now and after every change of the keys.
    pub(crate) fn issuer(&self) -> watch::Receiver<TokenIssuer> {
        self.issuer.clone()
    }

    /// Looks at the files now; `None` where tokens are unsigned.
    pub(crate) async fn reload(&self) -> Option<Reloaded> {
        let follower = self.follower.as_ref()?;
        let (outcome, detail) = match follower.reloaded().await {
            Some(Ok(is_new)) => {
                let issuer = self.issuer.borrow();
                let keys = issuer.keys().map(|ring| {
                    let (signing, n) = (ring.signing().id(), ring.keys().len());
                    format!("key {signing} signs, {n} verify")
                });
                let outcome = match is_new {
                    true => ReloadOutcome::Changed,
                    false => ReloadOutcome::Same,
                };
                (outcome, keys.unwrap_or_default())
            }
            Some(Err(error)) => (
                ReloadOutcome::Failed,
                format!("{error}; the last good token keys stay in force"),
            ),
            None => (
                ReloadOutcome::Failed,
                "nobody follows the token keys any more".to_owned(),
            ),
        };
        Some(Reloaded {
            what: "tokens.keys".to_owned(),
            file: self.files.clone(),
            outcome,
            detail,
        })
    }
}
