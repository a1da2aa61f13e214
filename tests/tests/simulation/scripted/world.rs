//! A client, and all whom it deals with.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use fastrand::Rng;
use lookaside_client::Channel;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{interval, timeout},
};

use super::{
    backend::{Backend, Knobs, SLOWEST, WELL},
    balancer::{Balancer, Conduct},
    book::Book,
    caller::{self, Wish},
    harms::{Harms, Kind},
    judge::Judge,
    modes::Overdue,
    named::Named,
    peer::{Manner, Peer},
    places::{BACKENDS, CLIENT, FALLBACKS, backend_at, balancer_at, fallback_at},
    profile::Profile,
    script::{Listing, Script},
    seen::Seen,
};
use crate::{log::Log, net::Net};

/// More than two attempts within 50 ms never are: the back-off is another check's.
const MOST_DIALS: usize = 21;

/// How often to look whether something is overdue.
const LOOK: Duration = Duration::from_millis(100);

const WORKERS: usize = 4;

/// Calls of a burst.
const BURST: usize = 10;

/// Who is at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    Backend(usize),
    Fallback(usize),
    Balancer(usize),
}

impl Who {
    pub fn at(self) -> SocketAddr {
        match self {
            Self::Backend(n) => backend_at(n),
            Self::Fallback(n) => fallback_at(n),
            Self::Balancer(n) => balancer_at(n),
        }
    }
}

pub struct World {
    pub profile: Profile,
    pub rng: Rng,
    pub log: Log,
    pub net: Net,
    pub script: Script,
    pub harms: Harms,
    pub seen: Seen,
    pub judge: Judge,
    pub channel: Option<Channel>,
    pub named: Named,
    knobs: BTreeMap<Who, watch::Sender<Knobs>>,
    conducts: BTreeMap<Who, watch::Sender<Conduct>>,
    peers: BTreeMap<Who, Peer>,
    stop: watch::Sender<bool>,
    workers: JoinSet<()>,
    bursts: JoinSet<()>,
    watchers: JoinSet<()>,
}

impl World {
    pub fn new(seed: u64, log: Log) -> Self {
        let mut rng = Rng::with_seed(seed);
        let profile = Profile::draw(&mut rng);
        log.event(format!("{profile:?}"));
        let net = Net::new(rng.fork(), profile.max_latency, MOST_DIALS, log.clone());
        let script = Script::new(Listing::default());
        let seen = Seen::new(&profile, &script, &log);
        let named = Named::new(profile.balancers, profile.has_fallback);
        let slack = 4 * profile.max_latency + Duration::from_millis(10);
        let harms = Harms::new(slack);
        let judge = Judge {
            profile: profile.clone(),
            book: Book::default(),
            seen: seen.clone(),
            harms: harms.clone(),
            script: script.clone(),
            log: log.clone(),
            longest_way: slack,
            longest_work: SLOWEST,
        };
        Self {
            profile,
            rng,
            log,
            net,
            script,
            harms,
            seen,
            judge,
            channel: None,
            named,
            knobs: BTreeMap::new(),
            conducts: BTreeMap::new(),
            peers: BTreeMap::new(),
            stop: watch::Sender::new(false),
            workers: JoinSet::new(),
            bursts: JoinSet::new(),
            watchers: JoinSet::new(),
        }
    }

    pub fn everybody(&self) -> Vec<Who> {
        let backends = (0..BACKENDS).map(Who::Backend);
        let fallbacks = (0..FALLBACKS).map(Who::Fallback);
        let balancers = (0..self.profile.balancers).map(Who::Balancer);
        backends.chain(fallbacks).chain(balancers).collect()
    }

    /// Whoever was there before is no more.
    pub fn start(&mut self, who: Who, manner: Manner) {
        let at = who.at();
        self.peers.remove(&who);
        let peer = match who {
            Who::Backend(number) | Who::Fallback(number) => {
                let knobs = self.knobs.entry(who);
                let knobs = knobs.or_insert_with(|| watch::Sender::new(WELL));
                let backend = Backend {
                    number,
                    at,
                    book: self.judge.book.clone(),
                    log: self.log.clone(),
                    knobs: knobs.clone(),
                    rng: Arc::new(Mutex::new(self.rng.fork())),
                };
                Peer::start(&self.net, at, manner, backend)
            }
            Who::Balancer(_) => {
                let balancer = Balancer {
                    script: self.script.clone(),
                    conduct: self.conducts.entry(who).or_default().clone(),
                    report_interval: self.profile.report_interval,
                };
                Peer::start(&self.net, at, manner, balancer)
            }
        };
        self.peers.insert(who, peer);
    }

    /// Its connections are cut.
    pub fn cut(&self, who: Who) {
        self.harms.moment(who.at(), Kind::Cut);
        self.net.cut(who.at());
    }

    /// Its process dies, and nobody listens.
    pub fn crash(&mut self, who: Who) {
        self.cut(who);
        self.net.close(who.at());
        self.peers.remove(&who);
    }

    pub fn leave(&self, who: Who) {
        if let Some(peer) = self.peers.get(&who) {
            peer.leave();
        }
    }

    pub fn break_off(&self, who: Who) {
        if let Some(peer) = self.peers.get(&who) {
            self.harms.moment(who.at(), Kind::BrokenOff);
            peer.break_off();
        }
    }

    pub fn set_knobs(&self, who: Who, knobs: Knobs) {
        if let Some(sender) = self.knobs.get(&who) {
            sender.send_replace(knobs);
        }
    }

    /// Ends its streams, also where it goes on as before.
    pub fn set_conduct(&self, who: Who, conduct: Conduct) {
        if let Some(sender) = self.conducts.get(&who) {
            sender.send_replace(conduct);
        }
    }

    /// The client, and calls.
    pub fn begin(&mut self) {
        let builder = Channel::builder("orders")
            .resolver_with_balancers(self.named.clone())
            .connector(self.net.dialer(CLIENT))
            .observer(Arc::new(self.seen.clone()));
        let channel = self.profile.apply(builder).build();
        let channel = channel.expect("addresses and no names");
        for _ in 0..WORKERS {
            let work = caller::work(
                channel.clone(),
                self.judge.clone(),
                self.rng.fork(),
                self.stop.subscribe(),
            );
            self.workers.spawn(work);
        }
        self.channel = Some(channel);
        let (seen, log) = (self.seen.clone(), self.log.clone());
        self.watchers.spawn(async move {
            let mut looks = interval(LOOK);
            let mut overdue = Overdue::default();
            loop {
                looks.tick().await;
                overdue.look(&seen, &log);
            }
        });
    }

    /// Many calls at the same moment.
    pub fn burst(&mut self) {
        while self.bursts.try_join_next().is_some() {}
        let Some(channel) = &self.channel else { return };
        for _ in 0..BURST {
            let wish = Wish::draw(&mut self.rng);
            let (channel, judge) = (channel.clone(), self.judge.clone());
            self.bursts.spawn(async move {
                caller::call(&channel, &judge, wish).await;
            });
        }
    }

    /// No more calls but those under way; whether these end within `limit`.
    pub async fn stop_calling(&mut self, limit: Duration) -> bool {
        self.stop.send_replace(true);
        let finished = async {
            while self.workers.join_next().await.is_some() {}
            while self.bursts.join_next().await.is_some() {}
        };
        timeout(limit, finished).await.is_ok()
    }

    /// Nobody watches any more.
    pub async fn stop_watching(&mut self) {
        self.watchers.shutdown().await;
    }
}
