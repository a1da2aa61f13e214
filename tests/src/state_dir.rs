//! A state directory, and a configuration that names it.

use std::{fs, path::PathBuf};

use tempfile::TempDir;

/// A directory for one balancer, gone with the test.
#[derive(Debug)]
pub struct StateDir {
    temp: TempDir,
}

impl StateDir {
    /// One that is not made yet; the saved state stands in after `grace`.
    pub fn new(grace: &str) -> Self {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let dir = temp.path().join("state");
        let config = format!("[state]\ndir = {dir:?}\ngrace = {grace:?}\n");
        fs::write(temp.path().join("lookaside.toml"), config).expect("a configuration");
        Self { temp }
    }

    /// The directory itself.
    pub fn path(&self) -> PathBuf {
        self.temp.path().join("state")
    }

    /// The file of the state.
    pub fn file(&self) -> PathBuf {
        self.path().join("registry.state")
    }

    /// What a balancer is started with to use it.
    pub fn args(&self, registry: &str) -> Vec<String> {
        let config = self.temp.path().join("lookaside.toml");
        let config = config.to_str().expect("UTF-8").to_owned();
        [
            "--config".into(),
            config,
            "--registry".into(),
            registry.into(),
        ]
        .into()
    }

    /// The content of the state's file; empty while there is none.
    pub fn text(&self) -> String {
        fs::read(self.file())
            .map(|file| String::from_utf8_lossy(&file).into_owned())
            .unwrap_or_default()
    }

    /// The names of the files whose name has `part` in it.
    pub fn names(&self, part: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path()).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| name.contains(part)).collect()
    }
}
