//! A channel without connections, to test policies with.

#[cfg(any(feature = "outlier", feature = "policies"))]
mod calls;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

#[cfg(any(feature = "outlier", feature = "policies"))]
pub(crate) use calls::spread;
use http::HeaderMap;

use super::{Controller, PickArgs, PickResult, Policy, PolicyState};
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
