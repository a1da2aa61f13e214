//! A `lookaside serve` process.

use std::{net::SocketAddr, process::Command};

use crate::{Process, binary};

/// A running balancer.
#[derive(Debug)]
pub struct Balancer {
    /// The process.
    pub process: Process,
    /// Where clients connect.
    pub addr: SocketAddr,
    /// Where operators connect.
    pub admin: SocketAddr,
    args: Vec<String>,
}

impl Balancer {
    /// Starts `lookaside serve` with `args`, on ports of the kernel's choice.
    pub async fn start<S: AsRef<str>>(args: impl IntoIterator<Item = S>) -> Self {
        let args: Vec<String> = args
            .into_iter()
            .map(|arg| arg.as_ref().to_owned())
            .collect();
        Self::run("127.0.0.1:0".to_owned(), "127.0.0.1:0".to_owned(), args).await
    }

    /// One that follows `registry`.
    pub async fn on(registry: &str) -> Self {
        Self::start(["--registry", registry]).await
    }

    async fn run(listen: String, admin: String, args: Vec<String>) -> Self {
        let mut process = Self::spawn(&listen, &admin, &args);
        let (addr, admin) = process.line("where it listens", listening).await;
        Self {
            process,
            addr,
            admin: admin.expect("an admin address"),
            args,
        }
    }

    /// Starts `lookaside serve` without waiting for anything.
    pub fn spawn(listen: &str, admin: &str, args: &[String]) -> Process {
        let mut command = Command::new(binary::lookaside());
        command
            .args(["serve", "--listen", listen, "--admin", admin])
            .args(args);
        Process::spawn("balancer", &mut command)
    }

    /// Kills it and starts it again on the same ports.
    pub async fn restart(self) -> Self {
        let Self {
            mut process,
            addr,
            admin,
            args,
        } = self;
        process.kill();
        Self::run(addr.to_string(), admin.to_string(), args).await
    }
}

/// Reads `listening ADDR [admin ADDR]`.
pub fn listening(line: &str) -> Option<(SocketAddr, Option<SocketAddr>)> {
    let rest = line.strip_prefix("listening ")?;
    match rest.split_once(" admin ") {
        Some((addr, admin)) => Some((addr.parse().ok()?, Some(admin.parse().ok()?))),
        None => Some((rest.parse().ok()?, None)),
    }
}
