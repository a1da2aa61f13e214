use std::{sync::Arc, time::Duration};

use lookaside_registry::{Freshness, RegistryState};
use tokio::time::{Instant, timeout};

use crate::{
    config::{Config, State},
    doctor::facts::{Direct, RegistryFacts},
    registry,
};

/// How long it may take to read all of a registry: some 100,000 backends over a slow link.
const READ: Duration = Duration::from_secs(10);

/// Reads a registry as a balancer does, and without its state directory, which is the
/// balancer's own.
pub(super) async fn read(config: Config) -> RegistryFacts {
    let url = config.registry.to_string();
    let state = State {
        dir: None,
        ..config.state.clone()
    };
    let config = Config { state, ..config };
    let start = Instant::now();
    let opened = match registry::open(&config).await {
        Ok(opened) => opened,
        Err(failure) => {
            return RegistryFacts {
                url,
                read: Err(failure.explained()),
            };
        }
    };
    let mut states = opened.registry.subscribe();
    let whole = states.wait_for(|state| is_read(state));
    let read = match timeout(READ, whole).await {
        Ok(Ok(state)) => Ok(direct(&state, start.elapsed())),
        Ok(Err(_)) => Err("it ended".to_owned()),
        Err(_) => Err(String::new()),
    };
    let read = read.map_err(|error| {
        let freshness = states.borrow().freshness.clone();
        match freshness {
            _ if !error.is_empty() => error,
            Freshness::Connecting {
                error: Some(error), ..
            }
            | Freshness::Stale { error, .. } => error.to_string(),
            _ => format!("not read within {READ:?}"),
        }
    });
    RegistryFacts { url, read }
}

/// Whether it has been read, or is known to be beyond reach.
fn is_read(state: &RegistryState) -> bool {
    state.is_complete() && matches!(state.freshness, Freshness::Synced { .. })
}

fn direct(state: &Arc<RegistryState>, took: Duration) -> Direct {
    let mut direct = Direct {
        revision: 0,
        took,
        backends: Default::default(),
        problems: Vec::new(),
    };
    if let Some(snapshot) = &state.backends {
        direct.revision = snapshot.revision;
        direct
            .problems
            .extend(snapshot.problems.iter().map(|it| it.key.to_string()));
        for (name, service) in &snapshot.services {
            let ids = service.backends.iter().map(|it| it.id.to_string());
            direct.backends.insert(name.to_string(), ids.collect());
            let problems = service.problems.iter();
            direct
                .problems
                .extend(problems.map(|it| it.key.to_string()));
        }
    }
    if let Some(settings) = &state.settings {
        let keys = settings.problems.iter().map(|it| it.key.to_string());
        direct.problems.extend(keys);
    }
    direct
}
