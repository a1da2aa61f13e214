//! Where calls may go, and how they may end.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use lookaside_core::strip_variant;
use lookaside_core::{BackendId, TokenIssuer};
use tokio::time::Instant;
use tonic::{Code, Status};

use super::{ATTACHED, CONNECTED, PROPAGATION, State, Up, Witness, ago};
use crate::client::KEEP_ALIVE;

/// Until a call that a crash has cut off fails: at once.
const CRASH_DETECTED: Duration = Duration::from_millis(10);

/// Until a call on a connection that went silent fails: the interval until the ping, and
/// once more because activity just before the silence moves it, and its timeout.
const SILENCE_DETECTED: Duration =
    Duration::from_secs(2 * KEEP_ALIVE.0.as_secs() + KEEP_ALIVE.1.as_secs() + 1);

/// Beside its work, a call takes so long at most where there is a backend to take it: a
/// few latencies, for its way and perhaps for a connection.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// A new client whose balancers are all silent falls back after 10 s.
const STARTED: Duration = Duration::from_secs(11);

/// One call, as its client saw it.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    pub client: &'a str,
    pub started: Instant,
    pub wait_for_ready: bool,
}

/// How calls went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub begun: u64,
    /// By a list: to a backend, or dropped.
    pub balanced: u64,
    pub fallback: u64,
    /// Of the balanced: failed with their backend.
    pub crashed: u64,
    /// Failed because there was nobody to send them to.
    pub not_ready: u64,
    pub dropped: BTreeMap<String, u64>,
}

impl Tally {
    /// Nobody knows how these ended: their client was dropped, or they still wait.
    pub fn abandoned(&self) -> u64 {
        self.begun - self.balanced - self.fallback - self.not_ready
    }
}

impl Witness {
    /// A call begins.
    pub fn call_begins(&self) {
        self.lock().tally.begun += 1;
    }

    /// A call has reached a backend.
    pub fn call_arrived(&self, at: SocketAddr, client: &str, token: Option<&str>) {
        let seen = self.lock();
        let now = Instant::now();
        if seen.fallbacks.contains(&at) {
            if token.is_some() {
                let broken = format!("{client}: a call in fallback to {at} has a token: {token:?}");
                self.log.violation(broken);
            }
            if let Some(it) = seen.clients.get(client)
                && seen.is_settled(it, now)
            {
                let attached = it.attached_for();
                let broken = format!("{client} is in fallback ({at}), connected for {attached:?}");
                self.log.violation(broken);
            }
            return;
        }
        let id = BackendId::new(&at.to_string()).expect("an id");
        let own = TokenIssuer::default().issue(&self.service, &id);
        if token.map(strip_variant) != Some(own.as_str()) {
            let broken = format!("{client}: a call to {at} has token {token:?}, not {own}");
            self.log.violation(broken);
        }
        let horizon = seen.horizon(client, now);
        if !seen.said(horizon, |said| said.lists(at)) && !seen.may_be_suspect(at, horizon) {
            let age = now - horizon;
            let broken = format!("{client}: a call to {at}, which no list has had for {age:?}");
            self.log.violation(broken);
        }
    }

    /// A call was answered after so much work.
    pub fn call_answered(&self, call: &Call<'_>, by: SocketAddr, work: Duration) {
        let mut seen = self.lock();
        if seen.fallbacks.contains(&by) {
            seen.tally.fallback += 1;
        } else {
            seen.tally.balanced += 1;
        }
        let waited = call.started.elapsed().saturating_sub(work);
        if waited > LONGEST_WAIT && seen.had_somebody_to_call(call) {
            let broken = format!("{}: a call to {by} waited for {waited:?}", call.client);
            self.log.violation(broken);
        }
    }

    /// A call failed.
    pub fn call_failed(&self, call: &Call<'_>, status: &Status) {
        let mut seen = self.lock();
        if let Err(why) = seen.excuse(call, status) {
            let lasted = call.started.elapsed();
            let broken = format!(
                "{}: a call of {lasted:?} failed with {:?}: {}: {why}",
                call.client,
                status.code(),
                status.message()
            );
            self.log.violation(broken);
        }
    }

    pub fn tally(&self) -> Tally {
        self.lock().tally.clone()
    }
}

impl State {
    /// Counts a failure.
    ///
    /// # Errors
    /// Why it should not have been.
    fn excuse(&mut self, call: &Call<'_>, status: &Status) -> Result<(), String> {
        if status.code() != Code::Unavailable {
            return Err("no call may fail like that".into());
        }
        let text = status.message();
        if let Some(category) = text.strip_prefix("call dropped by the balancer") {
            self.tally.balanced += 1;
            return self.excuse_drop(call, category);
        }
        let peer = text
            .split_once(": ")
            .and_then(|(peer, _)| peer.parse().ok());
        if let Some(peer) = peer {
            self.tally.balanced += 1;
            self.tally.crashed += 1;
            return self.excuse_crash(call, peer);
        }
        self.tally.not_ready += 1;
        self.excuse_not_ready(call)
    }

    fn excuse_drop(&mut self, call: &Call<'_>, category: &str) -> Result<(), String> {
        let fresh = self
            .clients
            .get(call.client)
            .map_or(call.started, |it| it.fresh);
        // Drops are in force with their list, ready backends or not.
        let horizon = ago(fresh.min(call.started), PROPAGATION);
        let category = category
            .strip_prefix(" (")
            .and_then(|it| it.strip_suffix(")"));
        let Some(category) = category else {
            // It was admitted under a list with backends, and then there were only drops.
            let all = self.said(horizon, |said| said.drops_all());
            return if all {
                Ok(())
            } else {
                Err("not everything is dropped".into())
            };
        };
        *self.tally.dropped.entry(category.to_owned()).or_default() += 1;
        if self.said(horizon, |said| said.drops(category)) {
            return Ok(());
        }
        Err("this category is not configured".into())
    }

    /// It was on its way to `peer`, or at it.
    fn excuse_crash(&self, call: &Call<'_>, peer: SocketAddr) -> Result<(), String> {
        let server = self.servers.get(&peer).ok_or("nobody is there")?;
        let now = Instant::now();
        let crashed = |(at, up): (Instant, &Up)| match up {
            // A call that comes later is not sent there any more, or sent elsewhere.
            Up::Crashed => call.started <= at && now <= at + CRASH_DETECTED,
            Up::Vanished => {
                let known = at + SILENCE_DETECTED;
                call.started <= known && now <= known + SILENCE_DETECTED
            }
            Up::Serving | Up::Stopped => false,
        };
        if server.changes().rev().any(crashed) {
            return Ok(());
        }
        Err("it has not crashed".into())
    }

    /// There was nobody to send it to.
    fn excuse_not_ready(&self, call: &Call<'_>) -> Result<(), String> {
        if call.wait_for_ready {
            return Err("it waits for ready".into());
        }
        if self.had_somebody_to_call(call) {
            return Err("a backend was up and listed, or in fallback".into());
        }
        Ok(())
    }

    /// Whether the client of this call was connected to somebody all the time, whatever
    /// happened to others.
    fn had_somebody_to_call(&self, call: &Call<'_>) -> bool {
        let Some(client) = self.clients.get(call.client) else {
            return false;
        };
        // In fallback or not, one of its connections is up.
        let always = self.rock && client.has_fallback && call.started >= client.created + STARTED;
        let span = ATTACHED + CONNECTED;
        always
            || (self.is_settled(client, call.started)
                && client.attached_for() >= span + call.started.elapsed()
                && self.has_steady_backend(ago(call.started, span)))
    }
}
