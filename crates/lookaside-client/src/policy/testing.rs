//! A channel without connections, to test policies with.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use http::HeaderMap;

use super::{
    CallEnd, CallTracker, Controller, MAX_TRACKERS, PickArgs, PickResult, Policy, PolicyState,
};
use crate::{
    Address, ConnectivityState, Endpoint, PickError, ResolverUpdate, Subchannel, SubchannelState,
};

/// What a policy sees of its channel.
pub(crate) struct FakeController {
    now: Instant,
    subchannels: BTreeMap<Endpoint, (Subchannel, SubchannelState)>,
    pub(crate) published: Option<PolicyState>,
    pub(crate) publications: usize,
    pub(crate) resolutions: usize,
    pub(crate) wake: Option<Instant>,
}

/// `10.0.0.n:1`.
pub(crate) fn address(n: u8) -> Address {
    Address::new(SocketAddr::from((Ipv4Addr::new(10, 0, 0, n), 1)))
}

pub(crate) fn addresses(ns: impl IntoIterator<Item = u8>) -> ResolverUpdate {
    ResolverUpdate::new(ns.into_iter().map(address).collect::<Vec<_>>())
}

impl FakeController {
    pub(crate) fn new() -> Self {
        Self {
            now: tokio::time::Instant::now().into_std(),
            subchannels: BTreeMap::new(),
            published: None,
            publications: 0,
            resolutions: 0,
            wake: None,
        }
    }

    /// The subchannel to an address enters a state, and the policy hears of it.
    pub(crate) fn enter(&mut self, n: u8, state: ConnectivityState, policy: &mut dyn Policy) {
        let endpoint = address(n).endpoint().clone();
        let new = match state {
            ConnectivityState::TransientFailure => {
                SubchannelState::with_error(state, PickError::new(format!("{endpoint}: refused")))
            }
            _ => SubchannelState::new(state),
        };
        let (subchannel, state) = self.subchannels.get_mut(&endpoint).expect("a subchannel");
        *state = new.clone();
        let subchannel = subchannel.clone();
        policy.subchannel_update(&subchannel, &new, self);
        policy.work(self);
    }

    /// The subchannel to an address enters a state without a word, as one does that has no
    /// handle.
    pub(crate) fn set(&mut self, n: u8, state: ConnectivityState) {
        let known = self.subchannels.get_mut(address(n).endpoint());
        known.expect("a subchannel").1 = SubchannelState::new(state);
    }

    pub(crate) fn pass(&mut self, time: Duration, policy: &mut dyn Policy) {
        self.now += time;
        policy.work(self);
    }

    /// Which addresses a connection was asked for, since the last time.
    pub(crate) fn connect_requests(&self) -> Vec<u8> {
        let all = self.subchannels.values();
        let asked = all.filter(|(subchannel, _)| subchannel.take_connect_request());
        asked
            .map(|(subchannel, _)| last_octet(subchannel))
            .collect()
    }

    pub(crate) fn state(&self) -> ConnectivityState {
        self.published.as_ref().expect("published").connectivity
    }

    /// One pick: `10.0.0.n` as n, or what else came of it as text.
    pub(crate) fn pick(&self) -> Result<u8, String> {
        let headers = HeaderMap::new();
        let published = self.published.as_ref().expect("published");
        match published.picker.pick(&PickArgs::new("/a.B/C", &headers)) {
            PickResult::Pick(pick) => Ok(last_octet(pick.subchannel)),
            PickResult::Queue => Err("queue".to_owned()),
            PickResult::Fail(error) | PickResult::Drop(error) => Err(error.to_string()),
        }
    }

    pub(crate) fn picks(&self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.pick().expect("a pick")).collect()
    }
}

/// A call that was picked and has not ended.
pub(crate) struct OpenCall {
    /// `10.0.0.n` as n.
    pub(crate) n: u8,
    watchers: [Option<Arc<dyn CallTracker>>; MAX_TRACKERS],
}

impl FakeController {
    /// One pick, and who watches it is told.
    pub(crate) fn begin(&self) -> OpenCall {
        let headers = HeaderMap::new();
        let published = self.published.as_ref().expect("published");
        match published.picker.pick(&PickArgs::new("/a.B/C", &headers)) {
            PickResult::Pick(pick) => {
                let watchers = pick.watchers.hold();
                for tracker in watchers.iter().flatten() {
                    tracker.call_started();
                }
                let n = last_octet(pick.subchannel);
                OpenCall { n, watchers }
            }
            other => panic!("{other:?}"),
        }
    }

    /// Calls until one goes to `10.0.0.n`; the others end as if nobody had waited for them.
    pub(crate) fn begin_to(&self, n: u8) -> OpenCall {
        for _ in 0..10_000 {
            let call = self.begin();
            if call.n == n {
                return call;
            }
            call.end(&CallEnd::default());
        }
        panic!("no call goes to {n}");
    }
}

impl OpenCall {
    pub(crate) fn end(self, end: &CallEnd<'_>) {
        for tracker in self.watchers.iter().flatten() {
            tracker.call_finished(end);
        }
    }

    /// It ended with this status, so long after it was picked.
    pub(crate) fn answer(self, code: tonic::Code, after: Duration) {
        self.end(&CallEnd {
            sent: true,
            received: true,
            elapsed: after,
            answered_after: Some(after),
            code: Some(code as i32),
            ..CallEnd::default()
        });
    }
}

/// How many of so many calls, one after the other, go to each `10.0.0.n`.
pub(crate) fn spread(control: &FakeController, calls: usize) -> BTreeMap<u8, usize> {
    let mut counts = BTreeMap::new();
    for n in control.picks(calls) {
        *counts.entry(n).or_default() += 1;
    }
    counts
}

fn last_octet(subchannel: &Subchannel) -> u8 {
    match subchannel.address().endpoint() {
        Endpoint::Socket(SocketAddr::V4(socket)) => socket.ip().octets()[3],
        other => panic!("{other}"),
    }
}

impl Controller for FakeController {
    fn now(&self) -> Instant {
        self.now
    }

    fn new_subchannel(&mut self, address: &Address) -> (Subchannel, SubchannelState) {
        let id = self.subchannels.len() as u64;
        let (subchannel, state) = self
            .subchannels
            .entry(address.endpoint().clone())
            .or_insert_with(|| {
                (
                    Subchannel::detached(id, address),
                    SubchannelState::default(),
                )
            });
        (subchannel.clone(), state.clone())
    }

    fn update_picker(&mut self, state: PolicyState) {
        self.publications += 1;
        self.published = Some(state);
    }

    fn request_resolution(&mut self) {
        self.resolutions += 1;
    }

    fn wake_at(&mut self, at: Instant) {
        self.wake = Some(at);
    }
}
