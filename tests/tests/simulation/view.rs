//! The registry as one balancer sees it: it can stop following.

use std::sync::Arc;

use lookaside_registry::{Freshness, Registrar, Registry, RegistryState};
use tokio::{sync::watch, task::JoinSet, time::Instant};

use crate::witness::Witness;

/// Passes on what another registry says, except while it is frozen: then what it said
/// last stands, marked stale.
#[derive(Debug)]
pub struct View {
    passed_on: watch::Receiver<Arc<RegistryState>>,
    frozen: watch::Sender<bool>,
    _task: JoinSet<()>,
}

impl View {
    /// The `index`-th view. All that it says is told to the witness first.
    pub fn new(index: usize, of: &dyn Registry, witness: Witness) -> Self {
        let inner = of.subscribe();
        let state = Arc::clone(&inner.borrow());
        witness.view_says(index, &state);
        let (sender, passed_on) = watch::channel(state);
        let (frozen, frozen_seen) = watch::channel(false);
        let mut task = JoinSet::new();
        task.spawn(follow(index, inner, frozen_seen, sender, witness));
        Self {
            passed_on,
            frozen,
            _task: task,
        }
    }

    pub fn freeze(&self, frozen: bool) {
        self.frozen.send_replace(frozen);
    }
}

async fn follow(
    index: usize,
    mut inner: watch::Receiver<Arc<RegistryState>>,
    mut frozen: watch::Receiver<bool>,
    sender: watch::Sender<Arc<RegistryState>>,
    witness: Witness,
) {
    loop {
        let state = tokio::select! {
            biased;
            Ok(()) = frozen.changed() => {
                if *frozen.borrow_and_update() {
                    Arc::new(RegistryState {
                        freshness: Freshness::Stale {
                            as_of: Instant::now(),
                            error: "frozen by the simulation".into(),
                        },
                        ..RegistryState::clone(&sender.borrow())
                    })
                } else {
                    Arc::clone(&inner.borrow_and_update())
                }
            }
            Ok(()) = inner.changed(), if !*frozen.borrow() => {
                Arc::clone(&inner.borrow_and_update())
            }
            else => return,
        };
        witness.view_says(index, &state);
        sender.send_replace(state);
    }
}

impl Registry for View {
    fn url(&self) -> &str {
        "simulation:"
    }

    fn subscribe(&self) -> watch::Receiver<Arc<RegistryState>> {
        self.passed_on.clone()
    }

    fn registrar(&self) -> Option<Arc<dyn Registrar>> {
        None
    }
}
