use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use lookaside_client::{
    Address, Builder, Channel, ConnectFuture, ConnectivityState, Connector, Controller, Event,
    Observer, Policy, PolicyBuilder, PolicyOptions, Resolver, ResolverBuilder, ResolverController,
    ResolverUpdate, Subchannel, SubchannelState, Transport, WorkScheduler,
};
use tokio::{net::TcpStream, sync::Notify, task::yield_now};

use crate::{Figures, peer::Peer, resident};

/// How often the list changes.
const UPDATES: usize = 51;

/// Nothing is asked of them: no connection is made.
pub(crate) async fn idle(count: usize) -> Figures {
    let builder = |builder: Builder| builder.child_policy(Keep).connector(Never);
    quiet(count, builder).await
}

/// The peer's host does not answer.
pub(crate) async fn connecting(count: usize) -> Figures {
    quiet(count, |builder| builder.connector(Never)).await
}

async fn quiet(count: usize, with: impl FnOnce(Builder) -> Builder) -> Figures {
    let list = List::default();
    let before = resident();
    let builder = Channel::builder("bench").resolver(list.clone());
    let channel = with(builder).build().expect("a channel");
    list.say((0..count).map(address).collect());
    // Each of them is a task, which has its first turn meanwhile.
    let beginning = Instant::now();
    while beginning.elapsed() < Duration::from_secs(1) {
        yield_now().await;
    }
    let memory = resident().saturating_sub(before) / count;
    drop(channel);
    Figures {
        memory,
        ready: None,
        update: None,
    }
}

/// Until all are READY, and lists that change by one from then on.
pub(crate) async fn ready(count: usize, peer: Peer) -> Figures {
    let (list, seen) = (List::default(), Arc::new(Ready::default()));
    let before = resident();
    let began = Instant::now();
    let channel = Channel::builder("bench")
        .resolver(list.clone())
        .connector(Loopback(peer))
        .observer(Arc::clone(&seen) as Arc<dyn Observer>)
        .build()
        .expect("a channel");
    let mut addresses: Vec<_> = (0..count).map(address).collect();
    list.say(addresses.clone());
    seen.reach(count).await;
    let time = began.elapsed();
    let memory = resident().saturating_sub(before) / count;
    let mut updates = Vec::new();
    for n in 0..UPDATES {
        settled(&channel).await;
        addresses[n] = address(count + n);
        let picker = channel.measure_picker();
        let (next, began) = (addresses.clone(), Instant::now());
        list.say(next);
        while channel.measure_picker() == picker {
            yield_now().await;
        }
        updates.push(began.elapsed());
        seen.reach(count + n + 1).await;
    }
    updates.sort();
    Figures {
        memory,
        ready: Some(time),
        update: Some(updates[UPDATES / 2]),
    }
}

/// Until there has been no new picker for a while.
async fn settled(channel: &Channel) {
    let mut last = 0;
    while std::mem::replace(&mut last, channel.measure_picker()) != last {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn address(n: usize) -> Address {
    let n = u32::try_from(n).expect("not so many");
    let ip = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 0)) + n);
    Address::new(SocketAddr::from((ip, 50051)))
}

/// A list that the benchmark changes.
#[derive(Clone, Debug, Default)]
struct List(Arc<Mutex<(Option<ResolverUpdate>, WorkScheduler)>>);

impl List {
    fn say(&self, addresses: Vec<Address>) {
        let mut list = self.0.lock().expect("whole");
        list.0 = Some(ResolverUpdate::new(addresses));
        list.1.schedule_work();
    }
}

impl ResolverBuilder for List {
    fn build(&self, work: WorkScheduler) -> Box<dyn Resolver> {
        self.0.lock().expect("whole").1 = work;
        Box::new(self.clone())
    }
}

impl Resolver for List {
    fn resolve_now(&mut self) {}

    fn work(&mut self, controller: &mut dyn ResolverController) {
        let update = self.0.lock().expect("whole").0.take();
        if let Some(update) = update {
            controller.update(update);
        }
    }
}

/// Counts attempts that succeeded.
#[derive(Default)]
struct Ready {
    count: AtomicUsize,
    changed: Notify,
}

impl Ready {
    async fn reach(&self, count: usize) {
        while self.count.load(Relaxed) < count {
            self.changed.notified().await;
        }
    }
}

impl Observer for Ready {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Subchannel { state, .. } = event
            && state.connectivity == ConnectivityState::Ready
        {
            self.count.fetch_add(1, Relaxed);
            self.changed.notify_one();
        }
    }
}

/// All addresses are this process.
struct Loopback(Peer);

impl Connector for Loopback {
    fn connect(&self, address: &Address) -> ConnectFuture {
        let socket = address.socket_addr().expect("no names here");
        let SocketAddr::V4(socket) = socket else {
            unreachable!("no such address was made")
        };
        let [_, rest @ ..] = socket.ip().octets();
        let n = rest
            .into_iter()
            .fold(0, |n, byte| n * 256 + usize::from(byte));
        let at = self.0.address(n);
        Box::pin(async move {
            let socket = TcpStream::connect(at).await?;
            socket.set_nodelay(true)?;
            Ok(Transport::new(socket))
        })
    }
}

/// Nobody answers.
struct Never;

impl Connector for Never {
    fn connect(&self, _: &Address) -> ConnectFuture {
        Box::pin(std::future::pending())
    }
}

/// Holds a subchannel for each address, and leaves them IDLE.
#[derive(Debug)]
struct Keep;

impl PolicyBuilder for Keep {
    fn name(&self) -> &str {
        "keep"
    }

    fn build(&self, _: PolicyOptions) -> Box<dyn Policy> {
        Box::new(Kept(Vec::new()))
    }
}

struct Kept(Vec<Subchannel>);

impl Policy for Kept {
    fn resolver_update(&mut self, update: &ResolverUpdate, controller: &mut dyn Controller) {
        let addresses = update.addresses.iter().flat_map(|them| them.iter());
        self.0 = addresses
            .map(|address| controller.new_subchannel(address).0)
            .collect();
    }

    fn subchannel_update(&mut self, _: &Subchannel, _: &SubchannelState, _: &mut dyn Controller) {}

    fn work(&mut self, _: &mut dyn Controller) {}

    fn exit_idle(&mut self, _: &mut dyn Controller) {}
}
