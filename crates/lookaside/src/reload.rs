//! What `serve` reads again beside the certificates.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use lookaside_server::{Reload, ReloadOutcome, Reloaded};
use tokio::task::spawn_blocking;

use crate::{
    config::{Config, Overrides, load},
    tokens::Tokens,
};

/// The files of a running balancer.
#[derive(Debug)]
pub(crate) struct ServedFiles {
    tokens: Arc<Tokens>,
    config: Option<Arc<ConfigFile>>,
}

/// The configuration file, and what is in force. It is read once, at the start: reading it
/// again says whether the next start will go well, and what it will change.
#[derive(Debug)]
struct ConfigFile {
    path: PathBuf,
    variables: Vec<(OsString, OsString)>,
    flags: Overrides,
    in_force: Config,
}

impl ServedFiles {
    pub(crate) fn new(tokens: Arc<Tokens>) -> Self {
        Self {
            tokens,
            config: None,
        }
    }

    /// With a configuration file, and what it was read with.
    pub(crate) fn with_config(
        mut self,
        path: &Path,
        variables: Vec<(OsString, OsString)>,
        flags: Overrides,
        in_force: &Config,
    ) -> Self {
        self.config = Some(Arc::new(ConfigFile {
            path: path.to_owned(),
            variables,
            flags,
            in_force: in_force.clone(),
        }));
        self
    }
}

#[async_trait]
impl Reload for ServedFiles {
    async fn reload(&self) -> Vec<Reloaded> {
        let tokens = self.tokens.reload().await;
        let config = match &self.config {
            Some(config) => {
                let config = Arc::clone(config);
                // Files can hang, as on a network.
                spawn_blocking(move || config.look()).await.ok()
            }
            None => None,
        };
        tokens.into_iter().chain(config).collect()
    }
}

impl ConfigFile {
    fn look(&self) -> Reloaded {
        let loaded = load(
            Some(&self.path),
            self.variables.iter().cloned(),
            self.flags.clone(),
        );
        let (outcome, detail) = match loaded {
            Err(error) => (
                ReloadOutcome::Failed,
                format!("{error}; what was read at the start stays in force"),
            ),
            Ok(loaded) => match differing(&self.in_force, &loaded.config)[..] {
                [] => (ReloadOutcome::Same, String::new()),
                ref keys => (
                    ReloadOutcome::NeedsRestart,
                    format!("read at the start only: {}", keys.join(", ")),
                ),
            },
        };
        Reloaded {
            what: "config".to_owned(),
            file: self.path.display().to_string(),
            outcome,
            detail,
        }
    }
}

/// The keys and tables in which two configurations differ.
fn differing(one: &Config, other: &Config) -> Vec<&'static str> {
    macro_rules! compare {
        ($($field:ident: $name:literal),* $(,)?) => {{
            // Each of them: a new one is missed by nobody.
            let Config { $($field: _),* } = one;
            [$((one.$field != other.$field, $name)),*]
        }};
    }
    let all = compare![
        listen: "listen",
        admin: "admin",
        registry: "registry",
        etcd: "[etcd]",
        lists: "[lists]",
        limits: "[limits]",
        connections: "[connections]",
        registration: "[registration]",
        tokens: "[tokens]",
        health: "[health]",
        tls: "[tls]",
        access: "[access]",
        state: "[state]",
    ];
    all.into_iter()
        .filter_map(|(differs, name)| differs.then_some(name))
        .collect()
}

#[cfg(test)]
mod tests;
