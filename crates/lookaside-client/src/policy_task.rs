use std::{sync::Arc, time::Instant};

use tokio::sync::{Notify, mpsc};

use crate::{
    Address, Controller, Policy, PolicyState, Resolver, ResolverController, ResolverUpdate,
    Subchannel, SubchannelState, WorkScheduler,
    channel::Shared,
    subchannel::{Event, Pool},
};

/// How many subchannel events are taken at once before anything else gets its turn.
const BATCH: usize = 256;

/// The single owner of a channel's resolver, policy and subchannels. Everything that
/// happens to them happens here, one thing after the other; what comes out is a picker.
pub(crate) struct PolicyTask {
    pub(crate) resolver: Box<dyn Resolver>,
    pub(crate) policy: Box<dyn Policy>,
    pub(crate) pool: Pool,
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) work: WorkScheduler,
    /// Notified when the last handle to the channel is gone.
    pub(crate) closed: Arc<Notify>,
}

/// However it ends: a policy may panic, and a runtime be shut down, under calls that wait.
impl Drop for PolicyTask {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// What the policy is given; all but itself.
struct Control<'a> {
    pool: &'a mut Pool,
    shared: &'a Shared,
    wake: &'a mut Option<Instant>,
    resolve: &'a mut bool,
}

impl Controller for Control<'_> {
    fn now(&self) -> Instant {
        now()
    }

    fn new_subchannel(&mut self, address: &Address) -> (Subchannel, SubchannelState) {
        self.pool.get(address)
    }

    fn update_picker(&mut self, state: PolicyState) {
        self.shared.publish(state);
    }

    fn request_resolution(&mut self) {
        *self.resolve = true;
    }

    fn wake_at(&mut self, at: Instant) {
        *self.wake = Some(self.wake.map_or(at, |other| other.min(at)));
    }
}

/// Collects what the resolver found.
struct Found(Vec<ResolverUpdate>);

impl ResolverController for Found {
    fn now(&self) -> Instant {
        now()
    }

    fn update(&mut self, update: ResolverUpdate) {
        self.0.push(update);
    }
}

/// The runtime's clock, which tests may pause.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl PolicyTask {
    /// Runs until the channel is closed.
    pub(crate) async fn run(mut self) {
        let mut wake = None;
        let closed = Arc::clone(&self.closed);
        // The resolver's first word.
        self.work(&mut wake);
        loop {
            let next = [wake, self.pool.next_sweep()].into_iter().flatten().min();
            tokio::select! {
                biased;
                () = closed.notified() => break,
                Some(event) = self.events.recv() => {
                    self.subchannels(event, &mut wake);
                    // Not left to its own turn, which never comes while events do.
                    self.work(&mut wake);
                }
                () = self.work.scheduled() => self.work(&mut wake),
                () = sleep_until(next) => self.work(&mut wake),
            }
        }
    }

    /// Takes what is there, up to a batch.
    fn subchannels(&mut self, first: Event, wake: &mut Option<Instant>) {
        let mut next = Some(first);
        let mut taken = 0;
        while let Some(event) = next {
            if let Some((subchannel, state)) = self.pool.apply(event) {
                self.with_policy(wake, |policy, control| {
                    policy.subchannel_update(&subchannel, &state, control);
                });
            }
            taken += 1;
            next = (taken < BATCH)
                .then(|| self.events.try_recv().ok())
                .flatten();
        }
    }

    fn work(&mut self, wake: &mut Option<Instant>) {
        let now = now();
        self.pool.sweep(now);
        let mut found = Found(Vec::new());
        self.resolver.work(&mut found);
        for update in found.0 {
            tracing::debug!(?update, "resolved");
            self.with_policy(wake, |policy, control| {
                policy.resolver_update(&update, control);
            });
        }
        if self.work.take_exit_idle() {
            self.with_policy(wake, |policy, control| policy.exit_idle(control));
        }
        if wake.is_some_and(|at| at <= now) {
            *wake = None;
        }
        self.with_policy(wake, |policy, control| policy.work(control));
    }

    fn with_policy(
        &mut self,
        wake: &mut Option<Instant>,
        act: impl FnOnce(&mut dyn Policy, &mut Control<'_>),
    ) {
        let mut resolve = false;
        let mut control = Control {
            pool: &mut self.pool,
            shared: &self.shared,
            wake,
            resolve: &mut resolve,
        };
        act(&mut *self.policy, &mut control);
        if resolve {
            self.resolver.resolve_now();
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
