//! A deployment that looks the same each time.

use std::fs;

use anyhow::Result;
use lookaside_tests::{
    Balancer,
    cli::{self, Output},
    eventually, inspect,
    poll::check,
    process::PATIENCE,
};
use tempfile::TempDir;

const SERVICES: &str = r#"
[[services]]
name = "billing"
[[services.backends]]
address = "127.0.0.1:1003"

[[services]]
name = "orders"
[[services.backends]]
id = "a"
address = "127.0.0.1:1001"
weight = 3
zone = "eu-1"
[[services.backends]]
id = "b"
address = "127.0.0.1:1002"
weight = 1
"#;

/// A balancer with two services that nobody calls.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) balancer: Balancer,
    _files: TempDir,
}

impl World {
    pub(crate) async fn start() -> Result<Self> {
        let files = tempfile::tempdir()?;
        let path = files.path().join("services.toml");
        fs::write(&path, SERVICES)?;
        let registry = format!("file:{}", path.display());
        let state = files.path().join("state");
        let config = files.path().join("lookaside.toml");
        fs::write(&config, format!("[state]\ndir = \"{}\"\n", state.display()))?;
        let config = config.display().to_string();
        let balancer = Balancer::start(["--registry", &registry, "--config", &config]).await;
        Ok(Self {
            balancer,
            _files: files,
        })
    }

    /// The variables with which commands find the balancer, so that none of its addresses
    /// stands in a command.
    pub(crate) fn variables(&self) -> [(&'static str, String); 3] {
        [
            ("LOOKASIDE_BALANCER", self.balancer.addr.to_string()),
            ("LOOKASIDE_ADMIN_BALANCER", self.balancer.admin.to_string()),
            ("USER", "alice".to_owned()),
        ]
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let variables = self.variables();
        let variables = variables.each_ref().map(|(name, value)| (*name, &**value));
        cli::run_with(args, &variables, PATIENCE)
    }

    /// Gives an order, and waits until so many are in force: two that are taken together are
    /// one plan.
    pub(crate) async fn order(&self, args: &[&str], in_force: usize) -> Output {
        let output = self.run(args);
        assert_eq!(output.status, 0, "{args:?}: {output:?}");
        eventually("the order is in force", PATIENCE, async || {
            let service = inspect::service(self.balancer.addr, "orders").await;
            let seen = service.map(|it| it.overrides.len());
            check(
                seen.as_ref().is_ok_and(|it| *it == in_force),
                format!("{seen:?}"),
            )
        })
        .await;
        output
    }
}
