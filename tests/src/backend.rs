//! A `lookaside backend` process.

use std::{net::SocketAddr, process::Command};

use crate::{Process, balancer::listening, binary};

/// A running demo backend.
#[derive(Debug)]
pub struct Backend {
    /// The process.
    pub process: Process,
    /// Where it answers.
    pub addr: SocketAddr,
    /// What it calls itself.
    pub name: String,
}

impl Backend {
    /// One that answers and registers nowhere.
    pub async fn start(name: &str) -> Self {
        Self::with(name, "127.0.0.1:0", &[]).await
    }

    /// One that registers `service` in `registry` with `weight`; its id is its name.
    pub async fn registered(name: &str, service: &str, weight: u32, registry: &str) -> Self {
        let weight = weight.to_string();
        Self::with(
            name,
            "127.0.0.1:0",
            &[
                "--service",
                service,
                "--weight",
                &weight,
                "--id",
                name,
                "--registry",
                registry,
            ],
        )
        .await
    }

    /// One that listens at `listen`, with further arguments.
    pub async fn with(name: &str, listen: &str, args: &[&str]) -> Self {
        let mut command = Command::new(binary::lookaside());
        command
            .args(["backend", "--listen", listen, "--name", name])
            .args(args);
        let mut process = Process::spawn(name, &mut command);
        let (addr, _) = process.line("where it listens", listening).await;
        Self {
            process,
            addr,
            name: name.to_owned(),
        }
    }
}
