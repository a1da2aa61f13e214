use std::{
    fmt,
    time::{Duration, Instant},
};

use crate::Mode;

/// How long the backends of a fresh list have to connect before they count as lost, and
/// how long fallback waits for them to be READY before it is left without.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// Decides between a balancer's list and the fallback addresses. Pure: told what happened
/// and when, it says which mode holds and when to ask again.
///
/// - *Enter before the first list ever*: at the start-up timeout, or earlier when there
///   are no balancers, none can be reached, or the stream breaks.
/// - *Enter at any time*: when the balancer says so.
/// - *Enter later*: when there is no list on a current stream **and** no listed backend is
///   READY, those of a fresh list having had their time to connect. A lost balancer alone
///   changes nothing, nor do lost backends alone. Without fallback addresses the last list
///   is kept even then: its backends may come back, and there is nothing better.
/// - *Leave*, once there is a list on the current stream: when a listed backend is READY;
///   after 10 s also without, but then only if no fallback backend is READY either; at
///   once for a list of nothing but drops, which has nothing to wait for.
#[derive(Debug)]
pub(super) struct Fallback {
    mode: Mode,
    reason: Option<Reason>,
    /// Of the start-up: when it ends, and how long it is. Until the first list.
    startup: Option<(Instant, Duration)>,
    /// The list of the current stream, unless the balancer took it back by telling to fall
    /// back.
    list: Option<CurrentList>,
    /// When the newest list came, whether its stream is still there or not.
    list_at: Option<Instant>,
    listed: Health,
    fallback: Health,
    has_fallback: bool,
}

#[derive(Clone, Copy, Debug)]
struct CurrentList {
    only_drops: bool,
}

/// Of a group of backends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Health {
    /// None is READY, but some may become so.
    #[default]
    Pending,
    /// At least one is READY.
    Ready,
    /// All have failed.
    Failed,
}

/// Why fallback was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    NoBalancers,
    Unreachable(String),
    StreamEnded(String),
    TimedOut(Duration),
    Told,
    AllLost,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBalancers => f.write_str("there are no balancers"),
            Self::Unreachable(why) => write!(f, "no balancer is reachable: {why}"),
            Self::StreamEnded(why) => write!(f, "the balancer's stream ended: {why}"),
            Self::TimedOut(limit) => write!(f, "no list from a balancer within {limit:?}"),
            Self::Told => f.write_str("the balancer said so"),
            Self::AllLost => f.write_str("balancer and backends are lost"),
        }
    }
}

impl Fallback {
    pub(super) fn new() -> Self {
        Self {
            mode: Mode::Connecting,
            reason: None,
            startup: None,
            list: None,
            list_at: None,
            listed: Health::Pending,
            fallback: Health::Pending,
            has_fallback: true,
        }
    }

    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// Why it is in fallback.
    pub(super) fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }

    /// There are balancers: the start-up time begins, at the first call.
    pub(super) fn started(&mut self, now: Instant, timeout: Duration) {
        if self.startup.is_none() && self.list_at.is_none() {
            self.startup = now.checked_add(timeout).map(|end| (end, timeout));
        }
    }

    /// Another start-up time, from the same beginning; for one that is over, nothing.
    pub(super) fn startup_timeout(&mut self, timeout: Duration) {
        if let Some((end, before)) = self.startup {
            let began = end.checked_sub(before);
            let end = began.and_then(|began| began.checked_add(timeout));
            self.startup = end.map(|end| (end, timeout));
        }
    }

    /// A new stream takes the old one's place, for no fault of the balancer's: what is in
    /// force stays so, until the new stream has a list or is lost as well.
    pub(super) fn stream_replaced(&mut self) {
        self.list = None;
    }

    /// There is a list on the current stream.
    pub(super) fn has_list(&self) -> bool {
        self.list.is_some()
    }

    /// Whether there are addresses to fall back to.
    pub(super) fn has_fallback(&mut self, has: bool, now: Instant) {
        self.has_fallback = has;
        self.tick(now);
    }

    /// There are no balancers to ask.
    pub(super) fn no_balancers(&mut self, now: Instant) {
        self.list = None;
        self.lost(Reason::NoBalancers, now);
    }

    /// No balancer can be reached.
    pub(super) fn unreachable(&mut self, why: String, now: Instant) {
        self.lost(Reason::Unreachable(why), now);
    }

    /// The stream ended.
    pub(super) fn stream_ended(&mut self, why: String, now: Instant) {
        self.list = None;
        self.lost(Reason::StreamEnded(why), now);
    }

    /// The balancer sent a list.
    pub(super) fn list(&mut self, only_drops: bool, now: Instant) {
        self.list = Some(CurrentList { only_drops });
        self.list_at = Some(now);
        self.startup = None;
        if self.mode == Mode::Connecting {
            self.mode = Mode::Balancer;
        }
        self.tick(now);
    }

    /// The balancer told to fall back. Its list is void until it sends another one.
    pub(super) fn told(&mut self) {
        self.list = None;
        self.startup = None;
        // Whatever the listed backends are.
        self.enter(Reason::Told);
    }

    /// What became of the backends of the newest list.
    pub(super) fn listed(&mut self, health: Health, now: Instant) {
        self.listed = health;
        self.tick(now);
    }

    /// What became of the fallback backends.
    pub(super) fn fallback(&mut self, health: Health, now: Instant) {
        self.fallback = health;
        self.tick(now);
    }

    /// When to call [`Fallback::tick`], if nothing happens before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let list_time = self.list_at.and_then(|at| at.checked_add(CONNECT_TIME));
        match self.mode {
            Mode::Connecting => self.startup.map(|(end, _)| end),
            Mode::Balancer
                if self.list.is_none() && self.listed == Health::Pending && self.has_fallback =>
            {
                list_time
            }
            Mode::Fallback if self.list.is_some() && self.fallback != Health::Ready => list_time,
            _ => None,
        }
    }

    /// Time has passed, or something changed.
    pub(super) fn tick(&mut self, now: Instant) {
        match self.mode {
            Mode::Connecting => {
                if let Some((end, timeout)) = self.startup
                    && end <= now
                {
                    self.enter(Reason::TimedOut(timeout));
                }
            }
            Mode::Balancer => {
                let lost = match self.listed {
                    Health::Ready => false,
                    Health::Failed => true,
                    Health::Pending => self.had_connect_time(now),
                };
                if self.list.is_none() && lost && self.has_fallback {
                    self.enter(Reason::AllLost);
                }
            }
            Mode::Fallback => {
                let Some(list) = self.list else { return };
                let waited = self.had_connect_time(now) && self.fallback != Health::Ready;
                if list.only_drops || self.listed == Health::Ready || waited {
                    self.mode = Mode::Balancer;
                    self.reason = None;
                }
            }
            Mode::Direct => {}
        }
    }

    fn had_connect_time(&self, now: Instant) -> bool {
        self.list_at
            .is_none_or(|at| now.saturating_duration_since(at) >= CONNECT_TIME)
    }

    /// The balancer is lost in one way or another.
    fn lost(&mut self, reason: Reason, now: Instant) {
        if self.mode == Mode::Connecting {
            self.enter(reason);
        } else {
            self.tick(now);
        }
    }

    fn enter(&mut self, reason: Reason) {
        self.mode = Mode::Fallback;
        self.reason = Some(reason);
        self.fallback = Health::Pending;
        // Its backends are let go of: a later list starts anew.
        self.listed = Health::Pending;
    }
}

#[cfg(test)]
mod tests;
