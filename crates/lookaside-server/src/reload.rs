//! Reading files again while the balancer runs: on SIGHUP, and when an operator orders it.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::tls::{Ask, TlsFile, TlsFileError};

/// How long files may take to be read: they can hang, as on a network, and somebody waits.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a balancer does not read itself, and can be read again while it runs.
#[async_trait]
pub trait Reload: fmt::Debug + Send + Sync + 'static {
    /// Reads everything again, and says of each file what came of it.
    async fn reload(&self) -> Vec<Reloaded>;
}

/// What came of reading a file again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// What it is for, as the setting that names it: `tls.cert`, `tokens.keys`.
    pub what: String,
    /// The file, or several with commas between them.
    pub file: String,
    /// What came of it.
    pub outcome: ReloadOutcome,
    /// For people: why it failed, or what needs a restart. May be empty.
    pub detail: String,
}

/// What came of reading a file again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadOutcome {
    /// It is as it was.
    Same,
    /// It is another, and in use.
    Changed,
    /// It is of no use. What was in use before stays so.
    Failed,
    /// It is another, and what is new in it takes a restart.
    NeedsRestart,
}

impl fmt::Display for ReloadOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "same",
            Self::Changed => "changed",
            Self::Failed => "failed",
            Self::NeedsRestart => "needs_restart",
        })
    }
}

/// Everything that can be read again.
#[derive(Debug)]
pub(crate) struct Reloads {
    certificates: Option<mpsc::Sender<Ask>>,
    others: Option<Arc<dyn Reload>>,
}

impl Reloads {
    pub(crate) fn new(
        certificates: Option<mpsc::Sender<Ask>>,
        others: Option<Arc<dyn Reload>>,
    ) -> Self {
        Self {
            certificates,
            others,
        }
    }

    /// Reads all of it now.
    pub(crate) async fn all(&self) -> Vec<Reloaded> {
        let certificates = async {
            match &self.certificates {
                Some(asks) => certificates(asks).await,
                None => Vec::new(),
            }
        };
        let others = async {
            let Some(others) = &self.others else {
                return Vec::new();
            };
            let reloaded = timeout(PATIENCE, others.reload()).await;
            reloaded.unwrap_or_else(|_| vec![failed("files", "not read within 3 s")])
        };
        let (mut all, others) = tokio::join!(certificates, others);
        all.extend(others);
        all
    }
}

async fn certificates(asks: &mpsc::Sender<Ask>) -> Vec<Reloaded> {
    let (tell, told) = oneshot::channel();
    let asked = async {
        asks.send(tell).await.ok()?;
        told.await.ok()
    };
    match timeout(PATIENCE, asked).await {
        Ok(Some(Ok(files))) => files.into_iter().map(Reloaded::from).collect(),
        Ok(Some(Err(error))) => vec![error.into()],
        Ok(None) => vec![failed("tls", "nobody follows the certificates any more")],
        Err(_) => vec![failed("tls", "not read within 3 s")],
    }
}

fn failed(what: &str, why: &str) -> Reloaded {
    Reloaded {
        what: what.to_owned(),
        file: String::new(),
        outcome: ReloadOutcome::Failed,
        detail: why.to_owned(),
    }
}

impl From<TlsFile> for Reloaded {
    fn from(file: TlsFile) -> Self {
        let (outcome, detail) = match file.is_new {
            true => (ReloadOutcome::Changed, "connections from now on get it"),
            false => (ReloadOutcome::Same, ""),
        };
        Self {
            what: file.key.to_owned(),
            file: file.path.display().to_string(),
            outcome,
            detail: detail.to_owned(),
        }
    }
}

impl From<TlsFileError> for Reloaded {
    fn from(error: TlsFileError) -> Self {
        Self {
            what: error.key().to_owned(),
            file: error.path().display().to_string(),
            outcome: ReloadOutcome::Failed,
            detail: format!("{error}; the last good certificates stay in use"),
        }
    }
}

#[cfg(test)]
mod tests;
