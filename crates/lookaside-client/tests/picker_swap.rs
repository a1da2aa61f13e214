//! Pickers that change as fast as they can, under calls, on several threads: what loom
//! cannot model, because the swap is arc-swap's.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU64, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::Duration,
};

use http::HeaderMap;
use lookaside_client::{
    Address, CallEnd, CallTracker, Channel, ConnectivityState, Controller, Pick, PickArgs,
    PickResult, Picker, Policy, PolicyBuilder, PolicyOptions, PolicyState, ResolverUpdate,
    Subchannel, SubchannelState, WorkScheduler,
};
use support::{
    addr,
    backend::Backend,
    balancer::{Balancer, server},
    calls::{call, patient_call},
    net::Net,
    text,
};
use tokio::task::JoinSet;

const BACKENDS: u8 = 6;
const CALLERS: usize = 16;
const PICKERS: usize = 3;
const LASTS: Duration = Duration::from_secs(2);

/// Started and finished, by whatever the tracker stands for.
#[derive(Debug, Default)]
struct Count {
    started: AtomicUsize,
    finished: AtomicUsize,
}

impl CallTracker for Count {
    fn call_started(&self) {
        self.started.fetch_add(1, Relaxed);
    }

    fn call_finished(&self, _: &CallEnd<'_>) {
        self.finished.fetch_add(1, Relaxed);
    }
}

impl Count {
    fn both(&self) -> (usize, usize) {
        (self.started.load(SeqCst), self.finished.load(SeqCst))
    }
}

/// What the policy and its pickers tell the test.
#[derive(Debug, Default)]
struct Seen {
    calls: Arc<Count>,
    attempts: [Arc<Count>; BACKENDS as usize],
    published: AtomicU64,
    stepped_back: AtomicUsize,
}

/// All READY ones in turn; publishes a new picker whenever it has work, and holds one
/// backend less each time, another one.
#[derive(Clone, Debug, Default)]
struct Restless(Arc<Seen>);

struct RestlessPolicy {
    seen: Arc<Seen>,
    addresses: Vec<Address>,
    held: Vec<Option<(Subchannel, ConnectivityState)>>,
}

struct Numbered {
    number: u64,
    ready: Vec<(Subchannel, Arc<dyn CallTracker>)>,
    calls: Arc<dyn CallTracker>,
    seen: Arc<Seen>,
}

thread_local! {
    static NEWEST: Cell<u64> = const { Cell::new(0) };
}

impl Picker for Numbered {
    fn pick<'p>(&'p self, _: &PickArgs<'_>) -> PickResult<'p> {
        let newest = NEWEST.replace(self.number);
        if newest > self.number {
            self.seen.stepped_back.fetch_add(1, Relaxed);
        }
        if self.ready.is_empty() {
            return PickResult::Queue;
        }
        let turn = fastrand::usize(..self.ready.len());
        let (subchannel, attempts) = &self.ready[turn];
        let mut pick = Pick::new(subchannel);
        pick.count(&self.calls);
        pick.watch(attempts);
        PickResult::Pick(pick)
    }
}

impl PolicyBuilder for Restless {
    fn name(&self) -> &str {
        "restless"
    }

    fn build(&self, _: PolicyOptions) -> Box<dyn Policy> {
        Box::new(RestlessPolicy {
            seen: Arc::clone(&self.0),
            addresses: Vec::new(),
            held: Vec::new(),
        })
    }
}

impl RestlessPolicy {
    fn publish(&mut self, controller: &mut dyn Controller) {
        let number = self.seen.published.fetch_add(1, SeqCst) + 1;
        let held = self.held.iter().zip(&self.seen.attempts);
        let ready = held.filter_map(|(held, attempts)| match held {
            Some((subchannel, ConnectivityState::Ready)) => {
                let attempts = Arc::clone(attempts) as Arc<dyn CallTracker>;
                Some((subchannel.clone(), attempts))
            }
            _ => None,
        });
        let picker = Numbered {
            number,
            ready: ready.collect(),
            calls: Arc::clone(&self.seen.calls) as Arc<dyn CallTracker>,
            seen: Arc::clone(&self.seen),
        };
        let state = if picker.ready.is_empty() {
            ConnectivityState::Connecting
        } else {
            ConnectivityState::Ready
        };
        controller.update_picker(PolicyState::new(state, Arc::new(picker)));
    }
}

impl Policy for RestlessPolicy {
    fn resolver_update(&mut self, update: &ResolverUpdate, controller: &mut dyn Controller) {
        self.addresses = update.addresses.as_ref().unwrap().to_vec();
        let connect = |address| {
            let (subchannel, state) = controller.new_subchannel(address);
            subchannel.connect();
            Some((subchannel, state.connectivity))
        };
        self.held = self.addresses.iter().map(connect).collect();
        self.publish(controller);
    }

    fn subchannel_update(
        &mut self,
        subchannel: &Subchannel,
        state: &SubchannelState,
        controller: &mut dyn Controller,
    ) {
        for (held, connectivity) in self.held.iter_mut().flatten() {
            if held.id() == subchannel.id() {
                *connectivity = state.connectivity;
                if state.connectivity == ConnectivityState::Idle {
                    held.connect();
                }
            }
        }
        self.publish(controller);
    }

    fn work(&mut self, controller: &mut dyn Controller) {
        if self.held.is_empty() {
            return;
        }
        let turn = usize::try_from(self.seen.published.load(SeqCst)).unwrap();
        let (leaves, returns) = (turn % self.held.len(), (turn + 1) % self.held.len());
        if self.held[returns].is_none() {
            let (subchannel, state) = controller.new_subchannel(&self.addresses[returns]);
            if state.connectivity == ConnectivityState::Idle {
                subchannel.connect();
            }
            self.held[returns] = Some((subchannel, state.connectivity));
        }
        self.held[leaves] = None;
        self.publish(controller);
    }

    fn exit_idle(&mut self, _: &mut dyn Controller) {}
}

/// The resolver is there to hand out its `WorkScheduler`.
#[derive(Debug)]
struct Fixed(tokio::sync::mpsc::UnboundedSender<WorkScheduler>);

struct Once(Option<Vec<Address>>);

impl std::fmt::Debug for Once {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Once")
    }
}

impl lookaside_client::ResolverBuilder for Fixed {
    fn build(&self, work: WorkScheduler) -> Box<dyn lookaside_client::Resolver> {
        let _ = self.0.send(work);
        Box::new(Once(Some(
            (1..=BACKENDS).map(|n| Address::new(addr(n))).collect(),
        )))
    }
}

impl lookaside_client::Resolver for Once {
    fn resolve_now(&mut self) {}

    fn work(&mut self, controller: &mut dyn lookaside_client::ResolverController) {
        if let Some(addresses) = self.0.take() {
            controller.update(ResolverUpdate::new(addresses));
        }
    }
}

/// Calls one after another until it is over; how many.
fn callers(channel: &Channel, running: &Arc<AtomicBool>) -> JoinSet<usize> {
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (channel, running) = (channel.clone(), Arc::clone(running));
        callers.spawn(async move {
            let mut calls = 0;
            while running.load(Relaxed) {
                call(&channel).await.unwrap();
                calls += 1;
            }
            calls
        });
    }
    callers
}

/// GOAWAY for one backend after another.
async fn goodbyes(backends: &[Backend]) {
    let end = tokio::time::Instant::now() + LASTS;
    for backend in backends.iter().cycle() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if tokio::time::Instant::now() > end {
            return;
        }
        backend.go_away();
    }
}

async fn sum(mut callers: JoinSet<usize>) -> usize {
    let mut calls = 0;
    while let Some(made) = callers.join_next().await {
        calls += made.unwrap();
    }
    calls
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_call_is_lost_and_no_pick_goes_back_while_pickers_change_all_the_time() {
    let net = Net::default();
    let backends: Vec<_> = (1..=BACKENDS)
        .map(|n| Backend::start(&net, addr(n)))
        .collect();
    let (sender, mut works) = tokio::sync::mpsc::unbounded_channel();
    let restless = Restless::default();
    let channel = Channel::builder("orders")
        .connector(net.clone())
        .resolver(Fixed(sender))
        .child_policy(restless.clone())
        .build()
        .unwrap();
    let seen = restless.0;
    patient_call(&channel).await.unwrap();
    let work = works.recv().await.unwrap();

    let running = Arc::new(AtomicBool::new(true));
    let callers = callers(&channel, &running);
    let publisher = tokio::spawn({
        let running = Arc::clone(&running);
        async move {
            while running.load(Relaxed) {
                work.schedule_work();
                tokio::task::yield_now().await;
            }
        }
    });
    let pickers: Vec<_> = (0..PICKERS)
        .map(|_| {
            let (channel, running) = (channel.clone(), Arc::clone(&running));
            std::thread::spawn(move || {
                let headers = HeaderMap::new();
                let args = PickArgs::new("/a.B/C", &headers);
                let mut picks = 0_u64;
                while running.load(Relaxed) {
                    picks += u64::from(channel.measure_pick(&args));
                }
                picks
            })
        })
        .collect();
    goodbyes(&backends).await;
    running.store(false, Relaxed);
    let calls = sum(callers).await;
    publisher.await.unwrap();
    for picker in pickers {
        assert!(picker.join().unwrap() > 0);
    }

    assert_eq!(seen.stepped_back.load(SeqCst), 0);
    let published = seen.published.load(SeqCst);
    assert!(
        calls > 100 && published > 100,
        "{calls} calls, {published} pickers"
    );
    // The first call, too; its end is told as its response is dropped.
    assert_eq!(seen.calls.both(), (calls + 1, calls + 1));
    for attempts in &seen.attempts {
        let (started, finished) = attempts.both();
        assert_eq!(started, finished);
    }
    let attempts: usize = seen.attempts.iter().map(|attempts| attempts.both().0).sum();
    assert!(attempts > calls, "{attempts} attempts at {calls} calls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_call_is_lost_and_reports_are_exact_while_lists_change_all_the_time() {
    let net = Net::default();
    let backends: Vec<_> = (1..=BACKENDS)
        .map(|n| Backend::start(&net, addr(n)))
        .collect();
    let mut balancer = Balancer::start(&net, addr(100));
    let channel = Channel::builder("orders")
        .connector(net.clone())
        .balancers([text(100)])
        .min_report_interval(Duration::from_millis(10))
        .build()
        .unwrap();
    let mut stream = balancer.raw_stream().await;
    stream.name().await;
    stream.initial(Some(Duration::from_millis(20)));
    // One backend less each time, another one, and other tokens.
    let list = |turn: usize| {
        let left_out = turn % usize::from(BACKENDS);
        let listed = (1..=BACKENDS).filter(move |n| usize::from(*n) != left_out + 1);
        listed.map(move |n| server(addr(n), &format!("token-{turn}-{n}")))
    };
    stream.list(list(0));
    patient_call(&channel).await.unwrap();

    let running = Arc::new(AtomicBool::new(true));
    let callers = callers(&channel, &running);
    let lists = async {
        let mut turn = 0;
        while running.load(Relaxed) {
            turn += 1;
            stream.list(list(turn));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        turn
    };
    let end = async {
        goodbyes(&backends).await;
        running.store(false, Relaxed);
    };
    let (lists, ()) = tokio::join!(lists, end);
    let calls = sum(callers).await + 1;
    assert!(calls > 100 && lists > 10, "{calls} calls, {lists} lists");

    let (mut started, mut finished, mut received) = (0, 0, 0);
    let all = i64::try_from(calls).unwrap();
    let reports = async {
        while finished < all {
            let report = stream.report().await.unwrap();
            started += report.num_calls_started;
            finished += report.num_calls_finished;
            received += report.num_calls_finished_known_received;
            assert_eq!(report.num_calls_finished_with_client_failed_to_send, 0);
        }
    };
    let reported = tokio::time::timeout(Duration::from_secs(30), reports).await;
    assert!(reported.is_ok(), "{finished} of {all} reported");
    assert_eq!((started, finished, received), (all, all, all));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_call_is_lost_by_a_channel_that_goes_idle_all_the_time() {
    let net = Net::default();
    let _backend = Backend::start(&net, addr(1));
    let channel = Channel::builder("orders")
        .connector(net.clone())
        .addresses([text(1)])
        .idle_timeout(Duration::from_millis(1))
        .build()
        .unwrap();
    let end = tokio::time::Instant::now() + LASTS;
    let mut callers = JoinSet::new();
    for _ in 0..4 {
        let channel = channel.clone();
        callers.spawn(async move {
            let mut calls = 0;
            while tokio::time::Instant::now() < end {
                call(&channel).await.unwrap();
                calls += 1;
                // About as long as it takes to go IDLE.
                tokio::time::sleep(Duration::from_micros(fastrand::u64(..4000))).await;
            }
            calls
        });
    }
    let calls: usize = sum(callers).await;
    let connects = net.connects(addr(1));
    assert!(
        calls > 50 && connects > 5,
        "{calls} calls, {connects} connections"
    );
}
