//! What a policy is told of the calls that its picker sent somewhere.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use lookaside_client::{
    CallEnd, CallTracker, Channel, ConnectivityState, Controller, Pick, PickArgs, PickResult,
    Picker, Policy, PolicyBuilder, PolicyOptions, PolicyState, ResolverUpdate, Subchannel,
    SubchannelState,
};
use support::{
    addr,
    backend::Backend,
    calls::{call, call_with},
    net::Net,
    text,
};
use tokio::time::timeout;
use tonic::Code;

/// How each call or attempt ended: sent, received, code, whether there were trailers.
type End = (bool, bool, Option<i32>, bool);

#[derive(Debug, Default)]
struct Log {
    started: AtomicUsize,
    ends: Mutex<Vec<End>>,
}

impl CallTracker for Log {
    fn call_started(&self) {
        self.started.fetch_add(1, SeqCst);
    }

    fn call_finished(&self, end: &CallEnd<'_>) {
        let trailers = end.trailers.is_some();
        let end = (end.sent, end.received, end.code, trailers);
        self.ends.lock().unwrap().push(end);
    }
}

impl Log {
    fn take(&self) -> (usize, Vec<End>) {
        let ends = std::mem::take(&mut *self.ends.lock().unwrap());
        (self.started.swap(0, SeqCst), ends)
    }
}

/// All calls to the one address; both logs are told.
#[derive(Clone, Debug, Default)]
struct Logged {
    calls: Arc<Log>,
    attempts: Arc<Log>,
}

struct LoggedPolicy(Logged, Option<Subchannel>);

struct LoggedPicker {
    subchannel: Subchannel,
    calls: Arc<dyn CallTracker>,
    attempts: Arc<dyn CallTracker>,
}

impl PolicyBuilder for Logged {
    fn name(&self) -> &str {
        "logged"
    }

    fn build(&self, _: PolicyOptions) -> Box<dyn Policy> {
        Box::new(LoggedPolicy(self.clone(), None))
    }
}

impl Policy for LoggedPolicy {
    fn resolver_update(&mut self, update: &ResolverUpdate, controller: &mut dyn Controller) {
        let (subchannel, _) = controller.new_subchannel(&update.addresses.as_ref().unwrap()[0]);
        subchannel.connect();
        self.1 = Some(subchannel);
    }

    fn subchannel_update(
        &mut self,
        subchannel: &Subchannel,
        state: &SubchannelState,
        controller: &mut dyn Controller,
    ) {
        match state.connectivity {
            ConnectivityState::Idle => subchannel.connect(),
            ConnectivityState::Ready => {
                let picker = LoggedPicker {
                    subchannel: self.1.clone().unwrap(),
                    calls: Arc::clone(&self.0.calls) as Arc<dyn CallTracker>,
                    attempts: Arc::clone(&self.0.attempts) as Arc<dyn CallTracker>,
                };
                let state = PolicyState::new(ConnectivityState::Ready, Arc::new(picker));
                controller.update_picker(state);
            }
            _ => {}
        }
    }

    fn work(&mut self, _: &mut dyn Controller) {}

    fn exit_idle(&mut self, _: &mut dyn Controller) {}
}

impl Picker for LoggedPicker {
    fn pick<'p>(&'p self, _: &PickArgs<'_>) -> PickResult<'p> {
        let mut pick = Pick::new(&self.subchannel);
        pick.count(&self.calls);
        pick.watch(&self.attempts);
        PickResult::Pick(pick)
    }
}

async fn channel(net: &Net, logged: &Logged) -> Channel {
    let builder = Channel::builder("orders")
        .addresses([text(1)])
        .child_policy(logged.clone())
        .connector(net.clone());
    builder.connect().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_tracker_is_told_with_which_status_a_call_ended_and_what_came_with_it() {
    let net = Net::default();
    let backend = Backend::start(&net, addr(1));
    let logged = Logged::default();
    let channel = channel(&net, &logged).await;

    let say = |text: &'static str| {
        call_with(&channel, move |request| {
            request.get_mut().message = text.to_owned();
            request.set_timeout(Duration::from_secs(1));
        })
    };
    say("hello").await.unwrap();
    let ended = |code, trailers| (1, vec![(true, true, Some(code), trailers)]);
    assert_eq!(logged.attempts.take(), ended(0, true));
    assert_eq!(logged.calls.take(), ended(0, false));

    // A status without a message comes among the headers.
    let status = say("fail").await.unwrap_err();
    assert_eq!(status.code(), Code::DataLoss);
    assert_eq!(logged.attempts.take(), ended(15, true));
    assert_eq!(logged.calls.take(), ended(15, false));

    *backend.handler.delay.lock().unwrap() = Duration::from_secs(60);
    say("late").await.unwrap_err();
    let late = (1, vec![(true, false, Some(4), false)]);
    assert_eq!(logged.attempts.take(), late);
    assert_eq!(logged.calls.take(), late);

    let _ = timeout(Duration::from_millis(500), say("forgotten")).await;
    let forgotten = (1, vec![(true, false, None, false)]);
    assert_eq!(logged.attempts.take(), forgotten);
    assert_eq!(logged.calls.take(), forgotten);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_picked_again_is_one_call_and_two_attempts() {
    let net = Net::default();
    let backend = Backend::start(&net, addr(1));
    let logged = Logged::default();
    let channel = channel(&net, &logged).await;

    backend.go_away();
    // Sent before the client has read the GOAWAY.
    call(&channel).await.unwrap();
    let (attempts, ends) = logged.attempts.take();
    assert_eq!(attempts, ends.len());
    assert_eq!(attempts, 2, "{ends:?}");
    assert_eq!(ends.last(), Some(&(true, true, Some(0), true)));
    for unsent in &ends[..attempts - 1] {
        assert_eq!(*unsent, (false, false, None, false));
    }
    assert_eq!(logged.calls.take(), (1, vec![(true, true, Some(0), false)]));
}
