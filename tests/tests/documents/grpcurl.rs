//! Each grpcurl command of a page runs: always with a client of our own, and with the real
//! program where there is one.

use anyhow::{Context, Result, ensure};
use lookaside_tests::{
    Backend, Balancer, eventually,
    grpcurl::{Command, Ended, Version, program, run},
    inspect,
    poll::check,
    wire::Stream,
};

use super::{
    commands::{BOUND, Place, commands, shell, shell_blocks},
    page::pages,
};

/// What the pages' addresses stand for, where their backends are registered.
async fn place() -> Result<(Place, Stream)> {
    let balancer = Balancer::on("memory:").await;
    let at = balancer.addr.to_string();
    let mut backends = Vec::new();
    for name in ["a", "b"] {
        let args = ["--service", "orders", "--balancer", &at];
        backends.push(Backend::with(name, "127.0.0.1:0", &args).await);
    }
    eventually("both are registered", BOUND, async || {
        let service = inspect::service(balancer.addr, "orders").await;
        let seen = service.map(|it| it.backends.len());
        check(matches!(seen, Ok(2)), format!("{seen:?}"))
    })
    .await;
    let stream = Stream::open(balancer.addr, "orders").await?;
    Ok((Place::new(balancer, backends)?, stream))
}

#[tokio::test]
async fn every_grpcurl_command_runs() -> Result<()> {
    let (place, _stream) = place().await?;
    let real = program("the documents' grpcurl commands");
    let pages = pages()?;
    let mut pages_with = Vec::new();
    for (at, block) in shell_blocks(&pages) {
        for (command, _) in commands(block) {
            if !command.trim_start().starts_with("grpcurl ") {
                continue;
            }
            let line = place.at_home(&command);
            let parsed = Command::parse(&line).with_context(|| format!("{at}: {command}"))?;
            for version in [Version::V1, Version::V1Alpha] {
                let ran = run(&parsed, version).await;
                let ran = ran.with_context(|| format!("{at}: {command}"))?;
                ensure!(ran.ended == Ended::ok(), "{at}: {command}: {ran:?}");
                ensure!(!ran.output.is_empty(), "{at}: {command} says nothing");
            }
            if let Some(real) = &real {
                let quoted = format!("'{}' ", real.display());
                let line = line.trim_start().replacen("grpcurl ", &quoted, 1);
                let (ended_well, output) = shell(&line, &place).await?;
                ensure!(ended_well, "{at}: {command}\n{output}");
            }
            pages_with.push(at.split(':').next().unwrap_or_default().to_owned());
        }
    }
    for page in ["README.md", "docs/control.md"] {
        ensure!(
            pages_with.iter().any(|it| it == page),
            "{page}: {pages_with:?}"
        );
    }
    ensure!(pages_with.len() > 5, "{pages_with:?}");
    Ok(())
}
