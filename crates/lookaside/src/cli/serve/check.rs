//! `serve --check`: would a balancer start with this?

use std::io::{self, Write};

use anyhow::anyhow;
use lookaside_server::Balancer;

use super::{Failure, resolve};
use crate::{
    config::{Config, State},
    registry,
    tokens::Tokens,
};

/// Reads every file that the configuration names, resolves where to listen, and says what
/// was understood. Opens no port, and leaves the state directory alone: another balancer
/// may be using it.
pub(super) async fn check(config: Config) -> Result<(), Failure> {
    let listen = resolve(&config.listen).await.map_err(usage)?;
    let admin = resolve(&config.admin).await.map_err(usage)?;
    Tokens::open(&config.tokens)?;
    config
        .health
        .probes()
        .map_err(|error| Failure::Usage(anyhow!("health: {error}")))?;
    let without_state = Config {
        state: State {
            dir: None,
            ..config.state.clone()
        },
        ..config
    };
    let opened = registry::open(&without_state).await?;
    let serving = without_state.balancer(listen, admin);
    Balancer::check(&serving, &*opened.registry).map_err(Failure::usage)?;
    writeln!(
        io::stdout(),
        "the configuration is good: listen {listen}, admin {admin}, registry {}",
        without_state.registry
    )?;
    Ok(())
}

/// Whatever is wrong here is wrong with the configuration.
fn usage(failure: Failure) -> Failure {
    match failure {
        Failure::Runtime(error) | Failure::Usage(error) => Failure::Usage(error),
    }
}
