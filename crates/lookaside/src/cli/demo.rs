use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;

use super::Failure;
use crate::{
    config::{Overrides, RegistryUrl, load},
    demo::{Place, play},
};

/// Shows everything in one process, in some 20 seconds.
///
/// A balancer, three backends and a client under load; a backend dies, one joins, calls
/// are dropped, and the balancer restarts. Needs no etcd, no configuration and no free
/// port in particular.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside demo
  lookaside demo --keep                                 leave it running, to look inside
  lookaside demo --registry etcd://127.0.0.1:2379       the same over an etcd; it removes what it wrote

Exit codes: 0 no call failed that should not have; 1 one did, or something else went wrong;
2 wrong usage or configuration.")]
pub(super) struct Demo {
    /// Where to record the backends: memory: or etcd://HOST:PORT[,HOST:PORT...]
    /// [default: memory:]
    #[arg(long, value_name = "URL")]
    registry: Option<RegistryUrl>,

    /// Read `registry` and the section `etcd` from this file
    #[arg(long, value_name = "FILE", env = "LOOKASIDE_CONFIG")]
    config: Option<PathBuf>,

    /// Leave everything running at the end, and say how to look inside
    #[arg(long)]
    keep: bool,
}

impl Demo {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let overrides = Overrides {
            registry: self.registry,
            ..Overrides::default()
        };
        let loaded =
            load(self.config.as_deref(), std::env::vars_os(), overrides).map_err(Failure::usage)?;
        let place = match &loaded.config.registry {
            RegistryUrl::Memory => Place::Memory(None),
            RegistryUrl::Etcd(_) => Place::etcd(loaded.config).await.map_err(Failure::Usage)?,
            file @ RegistryUrl::File(_) => {
                return Err(Failure::Usage(anyhow!(
                    "--registry {file}: the demo needs one that backends can register in, \
                     memory: or etcd://HOST:PORT"
                )));
            }
        };
        Ok(Box::pin(play(place, self.keep)).await?)
    }
}
