//! What the client says of itself, as it says it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use lookaside_client::{ConnectivityState, Event, ListSummary, Mode, Observer};
use tokio::time::Instant;

use super::{
    modes,
    places::{FALLBACKS, fallback_at},
    profile::Profile,
    script::{Listing, Reported, Script},
};
use crate::log::Log;

/// For so long the client may not have acted on what it has just said.
pub const HOP: Duration = Duration::from_millis(10);

/// Cheap to clone.
#[derive(Clone)]
pub struct Seen {
    pub profile: Arc<Profile>,
    pub script: Script,
    log: Log,
    state: Arc<Mutex<State>>,
}

/// What holds now, as far as it was said.
#[derive(Debug)]
pub struct State {
    pub began: Instant,
    pub mode: (Mode, Instant),
    pub connectivity: (ConnectivityState, Instant),
    subchannels: BTreeMap<SocketAddr, (ConnectivityState, Instant)>,
    /// Since they were READY, whatever they have tried in between.
    failed: BTreeSet<SocketAddr>,
    last_picked: Option<SocketAddr>,
    /// The newest list, on whatever stream it came.
    pub list: Option<(Arc<Listing>, Instant)>,
    /// The list before it had backends.
    had_backends: bool,
    /// Lists on the current stream.
    lists: usize,
    /// The last of them, if any, is of the stream that is open.
    pub on_stream: bool,
    /// How many balancers the resolver names.
    pub named: usize,
    /// They have never been others.
    pub always_named: bool,
    /// When it named none.
    pub unnamed: Vec<Instant>,
    pub streams_ended: usize,
    /// When which addresses count was changed last.
    pub turned: Instant,
    pub reason: String,
    pub reported: Reported,
    pub fallbacks: usize,
    pub returns: usize,
    pub lists_seen: usize,
}

impl Seen {
    pub fn new(profile: &Profile, script: &Script, log: &Log) -> Self {
        let now = Instant::now();
        let state = State {
            began: now,
            mode: (Mode::Connecting, now),
            connectivity: (ConnectivityState::Connecting, now),
            subchannels: BTreeMap::new(),
            failed: BTreeSet::new(),
            last_picked: None,
            list: None,
            had_backends: false,
            lists: 0,
            on_stream: false,
            named: 0,
            always_named: true,
            unnamed: Vec::new(),
            streams_ended: 0,
            turned: now,
            reason: String::new(),
            reported: Reported::default(),
            fallbacks: 0,
            returns: 0,
            lists_seen: 0,
        };
        Self {
            profile: Arc::new(profile.clone()),
            script: script.clone(),
            log: log.clone(),
            state: Arc::new(Mutex::new(state)),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The backends that calls may go to now.
    pub fn in_force(&self) -> BTreeSet<SocketAddr> {
        let state = self.lock();
        match state.mode.0 {
            Mode::Fallback if self.profile.has_fallback => {
                (0..FALLBACKS).map(fallback_at).collect()
            }
            Mode::Balancer => state.listed(),
            _ => BTreeSet::new(),
        }
    }

    /// Whether a call that fails or waits now for want of a connection could have gone
    /// somewhere, by what the client itself says.
    pub fn has_ready(&self) -> bool {
        let in_force = self.in_force();
        self.lock().is_usable(&in_force, &self.profile)
    }

    /// The balancer may have told to fall back since the newest list.
    pub fn may_be_told(&self) -> bool {
        let script = self.script.lock();
        let lists = self.lock().lists;
        let stream = script.streams.last();
        stream.is_some_and(|stream| stream.falls_back_after(lists))
    }

    fn has_balancers(&self, what: &str) {
        if self.lock().named == 0 {
            self.log
                .violation(format!("it {what}, and there are no balancers"));
        }
    }

    fn list(&self, summary: &ListSummary) {
        self.has_balancers("got a list");
        let script = self.script.lock();
        let mut state = self.lock();
        let which = state.lists;
        let stream = script.streams.last();
        let Some(list) = stream.and_then(|stream| stream.lists().nth(which)).cloned() else {
            self.log.violation("a list that nobody sent");
            return;
        };
        if summary.entries != list.0.len() {
            let broken = format!("{summary:?} is what became of {list:?}");
            self.log.violation(broken);
        }
        // What it chose of another list may have been let go of.
        state.last_picked = None;
        state.lists += 1;
        state.lists_seen += 1;
        state.on_stream = true;
        state.had_backends = !state.listed().is_empty();
        state.list = Some((list, Instant::now()));
        state.turned = Instant::now();
    }

    fn subchannel(&self, at: SocketAddr, connectivity: ConnectivityState) {
        let mut state = self.lock();
        if let Some((before, _)) = state.subchannels.get(&at)
            && *before == connectivity
        {
            return;
        }
        self.log.event(format!("{at} {connectivity}"));
        state.subchannels.insert(at, (connectivity, Instant::now()));
        match connectivity {
            ConnectivityState::Ready => drop(state.failed.remove(&at)),
            ConnectivityState::TransientFailure => drop(state.failed.insert(at)),
            _ => {}
        }
    }

    fn connectivity(&self, from: ConnectivityState, to: ConnectivityState) {
        let told = self.may_be_told();
        let mut state = self.lock();
        let now = Instant::now();
        state.connectivity = (to, now);
        if from == ConnectivityState::Idle && state.mode.0 == Mode::Connecting {
            // A call woke the channel.
            state.began = now;
        }
        // Make before break: a list that is not connected yet changes nothing.
        let for_a_list = state.list.as_ref().is_some_and(|(_, at)| *at == now);
        let lost = state.subchannels.values().any(|(_, since)| *since == now);
        let breaks = (from, to) == (ConnectivityState::Ready, ConnectivityState::Connecting);
        let follows = state.mode.0 == Mode::Balancer && state.mode.1 < now && !told;
        if breaks && for_a_list && !lost && state.had_backends && follows {
            self.log
                .violation("a new list has broken connections that the old one had");
        }
    }

    fn mode(&self, from: Mode, to: Mode) {
        let broken = modes::judge(self, from, to);
        let mut state = self.lock();
        let now = Instant::now();
        state.mode = (to, now);
        state.turned = now;
        if to == Mode::Connecting {
            state.let_go();
        }
        state.fallbacks += usize::from(to == Mode::Fallback);
        state.returns += usize::from(from == Mode::Fallback);
        let (at, reason) = (now - state.began, &state.reason);
        self.log.event(format!(
            "mode {from} to {to} ({reason}), {at:?} after the start"
        ));
        if let Err(why) = broken {
            self.log
                .violation(format!("mode {from} to {to} ({reason}): {why}"));
        }
    }

    fn picked(&self, at: SocketAddr) {
        let in_force = self.in_force();
        let mut state = self.lock();
        state.last_picked = Some(at);
        // The list before holds until the new one has a connection.
        let superseded =
            state.mode.0 == Mode::Balancer && !state.is_usable(&in_force, &self.profile);
        if !in_force.contains(&at) && !superseded {
            let broken = format!("a call goes to {at}, where it should go to {in_force:?}");
            self.log.violation(broken);
        }
    }
}

impl State {
    /// The channel is IDLE: there is nothing any more.
    fn let_go(&mut self) {
        self.subchannels.clear();
        self.failed.clear();
        self.last_picked = None;
        self.list = None;
        self.lists = 0;
        self.on_stream = false;
    }

    /// The backends of the newest list.
    pub fn listed(&self) -> BTreeSet<SocketAddr> {
        let list = self.list.as_ref();
        list.map(|(list, _)| list.addresses()).unwrap_or_default()
    }

    /// Whether enough of these are READY, and have been for a moment.
    pub fn is_usable(&self, among: &BTreeSet<SocketAddr>, profile: &Profile) -> bool {
        if self.turned.elapsed() < HOP || among.is_empty() {
            return false;
        }
        let ready = among.iter().filter(|at| self.is_ready(at));
        if profile.is_pick_first() {
            // What becomes of those that it did not choose is not told.
            let chosen = |at: &&SocketAddr| self.last_picked == Some(**at);
            return !profile.outlier && ready.filter(|at| chosen(at)).count() > 0;
        }
        ready.count() > profile.ejected()
    }

    /// Whether any of these is READY, be it ever so new.
    pub fn any_ready(&self, among: &BTreeSet<SocketAddr>) -> bool {
        let ready = |at| {
            let known = self.subchannels.get(at);
            known.is_some_and(|(it, _)| *it == ConnectivityState::Ready)
        };
        among.iter().any(ready)
    }

    fn is_ready(&self, at: &SocketAddr) -> bool {
        let known = self.subchannels.get(at);
        known.is_some_and(|(state, since)| {
            *state == ConnectivityState::Ready && since.elapsed() >= HOP
        })
    }

    /// Whether all of these are READY.
    pub fn all_ready(&self, among: &BTreeSet<SocketAddr>) -> bool {
        among.iter().all(|at| self.is_ready(at))
    }

    /// Whether all of these have failed.
    pub fn all_failed(&self, among: &BTreeSet<SocketAddr>) -> bool {
        among.is_subset(&self.failed)
    }

    pub fn states(&self) -> String {
        let states = self.subchannels.iter();
        let states: Vec<_> = states.map(|(at, (it, _))| format!("{at} {it}")).collect();
        states.join(", ")
    }
}

impl Observer for Seen {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Picked { address } => {
                if let Some(at) = address.socket_addr() {
                    self.picked(at);
                }
            }
            Event::State { from, to } => self.connectivity(*from, *to),
            Event::Mode { from, to } => self.mode(*from, *to),
            Event::Fallback { reason } => {
                let mut state = self.lock();
                state.reason = (*reason).to_owned();
            }
            Event::Subchannel { address, state } | Event::Health { address, state } => {
                if let Some(at) = address.socket_addr() {
                    self.subchannel(at, state.checked_connectivity());
                }
            }
            Event::Resolved { balancers, .. } => {
                let named = balancers.expect("it never fails");
                let mut state = self.lock();
                state.always_named &= named == self.profile.balancers;
                state.named = named;
                if named == 0 {
                    state.on_stream = false;
                    state.lists = 0;
                    state.unnamed.push(Instant::now());
                }
            }
            Event::StreamOpened => self.has_balancers("opened a stream"),
            Event::StreamEnded { why, .. } => {
                self.has_balancers("lost a stream");
                self.log.event(format!("the balancer's stream ends: {why}"));
                let mut state = self.lock();
                state.on_stream = false;
                state.lists = 0;
                state.streams_ended += 1;
            }
            Event::List(summary) => self.list(summary),
            Event::Report(report) => {
                let count = |calls: i64| u64::try_from(calls).expect("not below zero");
                let mut state = self.lock();
                state.reported.started += count(report.started);
                state.reported.finished += count(report.finished);
                let all = state.reported.dropped.entry(String::new());
                *all.or_default() += count(report.dropped);
            }
            _ => {}
        }
    }
}
