use std::{fmt, future, mem, sync::Arc, time::Duration};

use lookaside_core::{Revision, SettingsSnapshot, Snapshot};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use super::{MemoryLimits, table::Table};
use crate::{Freshness, RegistrarError, RegistryState, task::Task};

/// How many callers wait in line; more wait to get into it. As many are served between
/// two publications.
const QUEUE: usize = 1024;

/// How old the state may look while nothing changes.
const PROOF: Duration = Duration::from_secs(1);

/// The task that owns the table, and the state it publishes.
#[derive(Debug)]
pub(crate) struct Owner {
    access: Access,
    state: watch::Receiver<Arc<RegistryState>>,
    versions: watch::Receiver<Version>,
    _task: Task,
}

/// Runs something on the table; cheap to clone.
#[derive(Clone)]
pub(crate) struct Access(mpsc::Sender<Command>);

/// Grows with whatever [`Table::held`] says, and with the settings.
pub(crate) type Version = (Revision, u64);

/// What to do, and then, once its effect is published, whom to tell.
type Command = Box<dyn FnOnce(&mut Table, Instant) -> Reply + Send>;
type Reply = Box<dyn FnOnce() + Send>;

impl Owner {
    pub(crate) fn spawn(limits: MemoryLimits) -> Self {
        let (access, commands) = mpsc::channel(QUEUE);
        let (publisher, state) = watch::channel(Arc::new(RegistryState {
            backends: Some(Arc::new(Snapshot::default())),
            settings: Some(Arc::new(SettingsSnapshot::default())),
            overrides: Some(Arc::default()),
            freshness: Freshness::Synced {
                as_of: Instant::now(),
            },
            heard_at: None,
        }));
        let (version, versions) = watch::channel(Version::default());
        Self {
            access: Access(access),
            state,
            versions,
            _task: Task::spawn(run(Table::new(limits), commands, publisher, version)),
        }
    }

    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<RegistryState>> {
        self.state.clone()
    }

    pub(super) fn versions(&self) -> watch::Receiver<Version> {
        self.versions.clone()
    }
}

impl Access {
    /// Runs `work`; returns its result once what it changed is published.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Table, Instant) -> T + Send + 'static,
    ) -> Result<T, RegistrarError> {
        let ended = || RegistrarError::Unavailable("the memory registry has ended".into());
        let (reply, result) = oneshot::channel();
        let command: Command = Box::new(move |table, now| {
            let done = work(table, now);
            // A caller that has gone away is not told.
            Box::new(move || mem::drop(reply.send(done)))
        });
        self.0.send(command).await.map_err(|_| ended())?;
        result.await.map_err(|_| ended())
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Access")
    }
}

async fn run(
    mut table: Table,
    mut commands: mpsc::Receiver<Command>,
    publisher: watch::Sender<Arc<RegistryState>>,
    version: watch::Sender<Version>,
) {
    let mut batch = Vec::new();
    let mut proof = interval(PROOF);
    proof.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let expiry = table.next_expiry();
        // Commands first: renewals that waited while the process was stopped count.
        tokio::select! {
            biased;
            received = commands.recv_many(&mut batch, QUEUE) => {
                if received == 0 {
                    return;
                }
            }
            () = async {
                match expiry {
                    Some(at) => sleep_until(at).await,
                    None => future::pending().await,
                }
            } => {}
            _ = proof.tick() => {
                let as_of = Instant::now();
                // A new age, but nothing to wake anybody for.
                publisher.send_if_modified(|state| {
                    let state = Arc::make_mut(state);
                    state.freshness = Freshness::Synced { as_of };
                    state.heard_at = None;
                    false
                });
                continue;
            }
        }
        let now = Instant::now();
        let replies: Vec<Reply> = batch.drain(..).map(|work| work(&mut table, now)).collect();
        table.expire(now);
        let last = Arc::clone(&publisher.borrow());
        if let Some(state) = table.publish(&last, now) {
            publisher.send_replace(Arc::new(state));
        }
        version.send_if_modified(|version| {
            let before = mem::replace(version, table.version());
            *version != before
        });
        for reply in replies {
            reply();
        }
    }
}
