#[cfg(feature = "service-config")]
mod configure;
mod idleness;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Notify, mpsc};

use self::idleness::Idleness;
use crate::{
    Address, ConnectivityState, Controller, Mode, Picker, PolicyOptions, PolicyState, Resolver,
    ResolverBuilder, ResolverController, ResolverUpdate, Subchannel, SubchannelState,
    WorkScheduler,
    channel::Shared,
    observer,
    policy::{ExitIdlePicker, PolicyChoice, QueuingPicker, Switch},
    resolver::LastGood,
    subchannel::{Change, Event, Pool},
};

/// How many subchannel events are taken at once before anything else gets its turn.
const BATCH: usize = 256;

/// The single owner of a channel's resolver, policy and subchannels. Everything that
/// happens to them happens here, one thing after the other; what comes out is a picker.
pub(crate) struct PolicyTask {
    makers: Makers,
    /// None while IDLE for want of calls.
    active: Option<Active>,
    /// Outlasts the resolver: better these than none, should it find nothing next time.
    last_good: LastGood,
    pool: Pool,
    events: mpsc::Receiver<Event>,
    shared: Arc<Shared>,
    work: WorkScheduler,
    idleness: Idleness,
    /// Notified when the last handle to the channel is gone.
    closed: Arc<Notify>,
    /// What subchannels are asked unless the service config says otherwise.
    #[cfg(all(feature = "health", feature = "service-config"))]
    health: Option<crate::subchannel::HealthCheck>,
}

/// What makes a channel's resolver and policy: at the beginning, and whenever it leaves IDLE.
pub(crate) struct Makers {
    pub(crate) resolver: Box<dyn ResolverBuilder>,
    /// Unless the service config says otherwise.
    pub(crate) policy: PolicyChoice,
    #[cfg(feature = "service-config")]
    pub(crate) config: crate::service_config::ConfigSource,
    /// From when on the resolver names balancers; none: they are not followed.
    pub(crate) lookaside: Option<PolicyChoice>,
    /// For people.
    pub(crate) target: Arc<str>,
    /// Until the policy says more.
    pub(crate) mode: Mode,
    pub(crate) work: WorkScheduler,
}

struct Active {
    resolver: Box<dyn Resolver>,
    policy: Switch,
    /// The policy had the resolver's first word, before which it is told nothing else.
    informed: bool,
    /// The resolver has named balancers.
    lookaside: bool,
}

impl Makers {
    fn make(&self) -> Active {
        let work = &self.work;
        let options = PolicyOptions::new(work.clone(), fastrand::u64(..));
        Active {
            resolver: self.resolver.build(work.clone()),
            policy: Switch::new(options),
            informed: false,
            lookaside: false,
        }
    }
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
    /// A channel that is not IDLE. `pool`: and what its subchannels tell.
    pub(crate) fn new(
        makers: Makers,
        pool: (Pool, mpsc::Receiver<Event>),
        shared: Arc<Shared>,
        closed: Arc<Notify>,
        idle_timeout: Duration,
    ) -> Self {
        let (pool, events) = pool;
        Self {
            #[cfg(all(feature = "health", feature = "service-config"))]
            health: pool.health().cloned(),
            active: Some(makers.make()),
            work: makers.work.clone(),
            makers,
            last_good: LastGood::default(),
            pool,
            events,
            shared,
            idleness: Idleness::new(idle_timeout, now()),
            closed,
        }
    }

    /// Runs until the channel is closed.
    pub(crate) async fn run(mut self) {
        let mut wake = None;
        let closed = Arc::clone(&self.closed);
        // The resolver's first word.
        self.work(&mut wake);
        loop {
            let look = self.active.as_ref().and_then(|_| self.idleness.next_look());
            let next = [wake, self.pool.next_sweep(), look];
            let next = next.into_iter().flatten().min();
            // Where each piece of work asks for the next, nothing else here ever waits: what
            // the worker thread has queued up would never run.
            tokio::task::consume_budget().await;
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
            if let Some(change) = self.pool.apply(event) {
                self.tell(&change);
                if let Some(subchannel) = &change.subchannel {
                    self.with_policy(wake, |policy, control| {
                        policy.subchannel_update(subchannel, &change.state, control);
                    });
                }
            }
            taken += 1;
            next = (taken < BATCH)
                .then(|| self.events.try_recv().ok())
                .flatten();
        }
    }

    fn tell(&self, change: &Change) {
        let (address, state) = (change.address(), &change.state);
        self.shared.observers.tell(&if change.is_health() {
            observer::Event::Health { address, state }
        } else {
            observer::Event::Subchannel { address, state }
        });
    }

    fn work(&mut self, wake: &mut Option<Instant>) {
        let now = now();
        self.pool.sweep(now);
        let mut exit_idle = self.work.take_exit_idle();
        if exit_idle && self.active.is_none() {
            self.leave_idle(now);
            exit_idle = false;
        }
        let reset = self.shared.take_backoff_reset();
        let Some(active) = &mut self.active else {
            return;
        };
        if reset {
            self.pool.reset_backoff();
            active.policy.reset_backoff();
            active.resolver.resolve_now();
        }
        let mut found = Found(Vec::new());
        active.resolver.work(&mut found);
        active.informed |= !found.0.is_empty();
        let informed = active.informed;
        for update in found.0 {
            tracing::debug!(?update, "resolved");
            self.shared.observers.tell(&observer::Event::Resolved {
                addresses: update.addresses.as_deref().map(<[_]>::len),
                balancers: update.balancers.as_deref().map(<[_]>::len),
            });
            let update = self.last_good.complete(update, &self.makers.target);
            let Some(choice) = self.choose(&update) else {
                continue;
            };
            self.with_policy(wake, |policy, control| {
                policy.resolver_update(&choice, &update, control);
            });
        }
        // Before that there is nothing to leave IDLE with; it connects when it is told.
        if exit_idle && informed {
            self.with_policy(wake, |policy, control| policy.exit_idle(control));
        }
        if wake.is_some_and(|at| at <= now) {
            *wake = None;
        }
        self.with_policy(wake, |policy, control| policy.work(control));
        let usage = || {
            let activity = &self.shared.activity;
            let open = activity.anybody_waits() || self.pool.has_calls();
            (activity.take_started(), open)
        };
        if self.idleness.look(now, usage) {
            self.go_idle();
            *wake = None;
        }
    }

    /// The policy to use.
    #[cfg(not(feature = "service-config"))]
    #[expect(clippy::unnecessary_wraps, reason = "as with feature `service-config`")]
    fn choose(&mut self, update: &ResolverUpdate) -> Option<PolicyChoice> {
        Some(self.own_choice(update))
    }

    /// The policy where no service config names one. Once there were balancers they are
    /// followed: without them, their policy is in fallback.
    fn own_choice(&mut self, update: &ResolverUpdate) -> PolicyChoice {
        let named = matches!(&update.balancers, Ok(balancers) if !balancers.is_empty());
        if let (Some(active), Some(lookaside)) = (&mut self.active, &self.makers.lookaside) {
            active.lookaside |= named;
            if active.lookaside {
                return lookaside.clone();
            }
        }
        self.makers.policy.clone()
    }

    /// Lets go of all there is. The picker goes first: see `Activity`.
    fn go_idle(&mut self) {
        tracing::info!("no call for a while: the channel is idle");
        let picker = Arc::new(ExitIdlePicker(self.work.clone()));
        self.publish(ConnectivityState::Idle, picker);
        self.active = None;
        self.pool.clear();
    }

    fn leave_idle(&mut self, now: Instant) {
        self.publish(ConnectivityState::Connecting, Arc::new(QueuingPicker));
        self.active = Some(self.makers.make());
        self.idleness.restart(now);
    }

    fn publish(&self, connectivity: ConnectivityState, picker: Arc<dyn Picker>) {
        let mut state = PolicyState::new(connectivity, picker);
        state.mode = self.makers.mode;
        self.shared.publish(state);
    }

    fn with_policy(
        &mut self,
        wake: &mut Option<Instant>,
        act: impl FnOnce(&mut Switch, &mut Control<'_>),
    ) {
        let Some(active) = &mut self.active else {
            return;
        };
        let mut resolve = false;
        let mut control = Control {
            pool: &mut self.pool,
            shared: &self.shared,
            wake,
            resolve: &mut resolve,
        };
        act(&mut active.policy, &mut control);
        if resolve {
            active.resolver.resolve_now();
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
