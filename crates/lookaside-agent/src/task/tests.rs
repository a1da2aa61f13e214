use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use lookaside_registry::{Claim, Handle, Registered};
use tokio::time::sleep;

use super::*;
use crate::{Agent, Target};

/// A registry of one backend, with a clock that tests turn.
#[derive(Debug, Default)]
struct Fake(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    down: bool,
    silent: bool,
    slow: Duration,
    next: u8,
    live: Option<(Handle, Registration, Instant)>,
    granted: Duration,
    calls: Vec<&'static str>,
    deregistered: bool,
}

impl Fake {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    async fn reach(&self, call: &'static str) -> Result<(), RegistrarError> {
        let (silent, slow) = {
            let mut inner = self.inner();
            inner.calls.push(call);
            if inner.down {
                return Err(RegistrarError::Unavailable("down".into()));
            }
            (inner.silent, inner.slow)
        };
        sleep(slow).await;
        if silent {
            pending::<()>().await;
        }
        Ok(())
    }

    fn live(&self) -> Option<Registration> {
        let inner = self.inner();
        let (_, registration, expires) = inner.live.as_ref()?;
        (Instant::now() < *expires).then(|| registration.clone())
    }

    fn with_live<T>(
        &self,
        handle: &Handle,
        change: impl FnOnce(&mut Inner) -> T,
    ) -> Result<T, RegistrarError> {
        let mut inner = self.inner();
        match &inner.live {
            Some((live, _, expires)) if live == handle && Instant::now() < *expires => {
                Ok(change(&mut inner))
            }
            _ => Err(RegistrarError::Gone),
        }
    }
}

#[async_trait]
impl Registrar for Fake {
    async fn claim(
        &self,
        registration: &Registration,
        ttl: Duration,
        _: &Claim,
    ) -> Result<Registered, RegistrarError> {
        self.reach("register").await?;
        let mut inner = self.inner();
        inner.next += 1;
        inner.granted = ttl;
        let handle = Handle::new(&[inner.next]).unwrap();
        inner.live = Some((handle.clone(), registration.clone(), Instant::now() + ttl));
        Ok(Registered { handle, ttl })
    }

    async fn renew(&self, handle: &Handle) -> Result<Duration, RegistrarError> {
        self.reach("renew").await?;
        self.with_live(handle, |inner| {
            let ttl = inner.granted;
            if let Some((_, _, expires)) = &mut inner.live {
                *expires = Instant::now() + ttl;
            }
            ttl
        })
    }

    async fn update(
        &self,
        handle: &Handle,
        registration: &Registration,
    ) -> Result<(), RegistrarError> {
        self.reach("update").await?;
        self.with_live(handle, |inner| {
            if let Some((_, live, _)) = &mut inner.live {
                *live = registration.clone();
            }
        })
    }

    async fn deregister(&self, handle: &Handle) -> Result<(), RegistrarError> {
        self.reach("deregister").await?;
        let taken_out = self.with_live(handle, |inner| inner.live = None);
        self.inner().deregistered = taken_out.is_ok();
        Ok(())
    }
}

fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn start(registry: &Arc<Fake>) -> Agent {
    let registrar = Arc::clone(registry) as Arc<dyn Registrar>;
    Agent::builder("orders", "10.0.0.1:80")
        .ttl(seconds(9))
        .drain_time(seconds(4))
        .register(Target::registrar(registrar))
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_backend_stays_recorded_for_as_long_as_its_agent_lives() {
    let registry = Arc::new(Fake::default());
    let agent = start(&registry);
    agent.registered().await;
    sleep(seconds(100)).await;
    assert_eq!(registry.live().unwrap().id.as_str(), "10.0.0.1:80");
    assert_eq!(registry.inner().next, 1, "it registered more than once");
    let renewals = registry.inner().calls.len() - 1;
    assert!(
        (30..=34).contains(&renewals),
        "{renewals} renewals in 100 s"
    );

    drop(agent);
    sleep(seconds(10)).await;
    assert!(registry.live().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_outage_shorter_than_the_time_to_live_is_not_even_seen() {
    let registry = Arc::new(Fake::default());
    let agent = start(&registry);
    agent.registered().await;
    let mut state = agent.state();
    state.mark_unchanged();
    registry.inner().down = true;
    sleep(seconds(5)).await;
    registry.inner().down = false;
    sleep(seconds(20)).await;
    assert!(!state.has_changed().unwrap());
    assert_eq!(registry.inner().next, 1);
    assert!(registry.live().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_longer_outage_is_said_and_waited_out() {
    let registry = Arc::new(Fake::default());
    let agent = start(&registry);
    agent.registered().await;
    registry.inner().down = true;
    sleep(seconds(600)).await;
    let lost = agent.state().borrow().clone();
    assert!(
        matches!(&lost, AgentState::Lost { error } if error.contains("down")),
        "{lost:?}"
    );
    registry.inner().down = false;
    sleep(seconds(2)).await;
    assert_eq!(*agent.state().borrow(), AgentState::Registered);
    assert!(
        registry.live().is_some(),
        "not back within the longest wait"
    );
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_never_answers_is_asked_again() {
    let registry = Arc::new(Fake::default());
    registry.inner().silent = true;
    let agent = start(&registry);
    sleep(seconds(60)).await;
    let state = agent.state().borrow().clone();
    assert!(
        matches!(&state, AgentState::Registering { error: Some(error) } if error.contains("no answer within 3s")),
        "{state:?}"
    );
    registry.inner().silent = false;
    sleep(seconds(6)).await;
    assert!(registry.live().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_forgot_the_backend_gets_it_again() {
    let registry = Arc::new(Fake::default());
    let agent = start(&registry);
    agent.registered().await;
    agent.set_weight(7);
    sleep(seconds(1)).await;
    registry.inner().live = None;
    sleep(seconds(4)).await;
    assert_eq!(registry.live().unwrap().weight, 7);
    assert_eq!(registry.inner().next, 2);
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_makes_the_agent_look_at_once() {
    let registry = Arc::new(Fake::default());
    let nudge = Arc::new(Notify::new());
    let target = Target {
        registrar: Arc::clone(&registry) as Arc<dyn Registrar>,
        nudge: Some(Arc::clone(&nudge)),
    };
    let agent = Agent::builder("orders", "10.0.0.1:80")
        .register(target)
        .unwrap();
    agent.registered().await;
    registry.inner().live = None;
    nudge.notify_one();
    sleep(Duration::from_millis(300)).await;
    assert!(registry.live().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_weight_changes_while_the_backend_stays_recorded() {
    let registry = Arc::new(Fake::default());
    let agent = start(&registry);
    agent.registered().await;
    agent.set_weight(250);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(registry.live().unwrap().weight, 250);
    assert_eq!(registry.inner().calls, ["register", "update"]);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_announces_waits_and_then_takes_the_backend_out() {
    let registry = Arc::new(Fake::default());
    let agent = start(&registry);
    agent.registered().await;
    let began = Instant::now();
    let mut state = agent.state();
    let shutdown = tokio::spawn(agent.shutdown());

    state
        .wait_for(|state| *state == AgentState::Draining)
        .await
        .unwrap();
    assert_eq!(registry.live().unwrap().state, BackendState::Draining);
    assert_eq!(began.elapsed(), Duration::ZERO);

    shutdown.await.unwrap();
    assert_eq!(began.elapsed(), seconds(4));
    assert!(registry.inner().deregistered);
    assert_eq!(
        registry.inner().calls,
        ["register", "update", "renew", "deregister"]
    );
    assert_eq!(*state.borrow(), AgentState::Ended);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_in_bounded_time_when_the_registry_does_not_answer() {
    for silent in [true, false] {
        let registry = Arc::new(Fake::default());
        let agent = start(&registry);
        agent.registered().await;
        registry.inner().silent = silent;
        registry.inner().down = !silent;
        let began = Instant::now();
        agent.shutdown().await;
        assert!(
            began.elapsed() < seconds(4 + 3 + 3),
            "{:?}",
            began.elapsed()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_a_registration_on_its_way_and_takes_it_back() {
    let registry = Arc::new(Fake::default());
    registry.inner().slow = seconds(1);
    let agent = start(&registry);
    sleep(Duration::from_millis(500)).await;
    let began = Instant::now();
    agent.drain().await;
    assert_eq!(registry.live().unwrap().state, BackendState::Draining);
    assert_eq!(began.elapsed(), seconds(4));
    agent.deregister().await;
    assert!(registry.live().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_drain_time_without_end_is_no_overflow() {
    let registrar = Arc::new(Fake::default()) as Arc<dyn Registrar>;
    let agent = Agent::builder("orders", "10.0.0.1:80")
        .drain_time(Duration::MAX)
        .register(Target::registrar(registrar))
        .unwrap();
    agent.registered().await;
    let drained = timeout(seconds(3600), agent.drain()).await;
    assert!(drained.is_err(), "it ended");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_never_registered_ends_without_a_wait() {
    let registry = Arc::new(Fake::default());
    registry.inner().down = true;
    let agent = start(&registry);
    sleep(seconds(30)).await;
    let began = Instant::now();
    agent.shutdown().await;
    assert!(began.elapsed() < seconds(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_cannot_be_registered_is_refused_with_the_part_that_is_wrong() {
    let registry = Arc::new(Fake::default());
    let error = |builder: crate::AgentBuilder| {
        let registrar = Arc::clone(&registry) as Arc<dyn Registrar>;
        let refused = builder.register(Target::registrar(registrar));
        refused.unwrap_err().to_string()
    };
    assert!(error(Agent::builder("", "a:1")).contains("service name is empty"));
    assert!(error(Agent::builder("a", "b")).contains("HOST:PORT"));
    assert!(error(Agent::builder("a", "0.0.0.0:1")).contains("cannot be dialled"));
    assert!(error(Agent::builder("a", "b:1").id("x/y")).contains("slash"));
    assert!(error(Agent::builder("a", "b:1").zone("\n")).contains("control characters"));
    assert!(error(Agent::builder("a", "b:1").ttl(Duration::ZERO)).contains("outside 1s"));
}
