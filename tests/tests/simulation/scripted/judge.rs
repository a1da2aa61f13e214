//! How calls may end.

use std::{net::SocketAddr, time::Duration};

use lookaside_client::Mode;
use tokio::time::Instant;
use tonic::{Code, Status};

use super::{
    backend::SCRIPTED,
    book::{Book, Outcome, Seen as Sightings},
    harms::{Harms, Lost},
    places::is_fallback,
    profile::{MAX_ATTEMPTS, Profile},
    script::Script,
    seen::Seen,
};
use crate::log::Log;

/// A call ends so soon after its deadline.
pub const PUNCTUAL: Duration = Duration::from_millis(50);

/// Until the rock, or another one, is found among backends that are down.
const FINDS_ROCK: Duration = Duration::from_secs(3);

/// Knows all there is to know of a call.
#[derive(Clone)]
pub struct Judge {
    pub profile: Profile,
    pub book: Book,
    pub seen: Seen,
    pub harms: Harms,
    pub script: Script,
    pub log: Log,
    /// A call that is not delayed takes so long at most, beside its work.
    pub longest_way: Duration,
    /// The longest work.
    pub longest_work: Duration,
}

/// One call, as its caller knows it.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub id: u64,
    pub started: Instant,
    pub wait_for_ready: bool,
    pub deadline: Duration,
}

/// What its caller had of it.
pub enum End {
    Answered(SocketAddr),
    Failed(Status),
    /// The caller gave up.
    Cancelled,
}

impl Judge {
    pub fn ended(&self, call: &Call, end: &End) {
        let sightings = self.book.seen(call.id);
        let counts = self.counts(call, end, &sightings);
        self.book.counted(call.id, counts.0, counts.1);
        let verdict = self.attempts(&sightings).and_then(|()| match end {
            End::Answered(by) => answered(*by, &sightings),
            End::Failed(status) => self.failed(call, status, &sightings),
            End::Cancelled => Ok(()),
        });
        let late = call.started.elapsed() > call.deadline + PUNCTUAL;
        let verdict = if late {
            Err("it has outlived its deadline")
        } else {
            verdict
        };
        if let Err(why) = verdict {
            let what = match end {
                End::Answered(by) => format!("answered by {by}"),
                End::Failed(status) => format!("{:?}: {}", status.code(), status.message()),
                End::Cancelled => "cancelled".to_owned(),
            };
            let lasted = call.started.elapsed();
            let states = self.seen.lock().states();
            self.log.violation(format!(
                "{call:?} after {lasted:?}: {what}: {why}; {sightings:?}; {states}"
            ));
        }
    }

    /// No call is made twice that a backend may have seen, unless it was asked for.
    fn attempts(&self, sightings: &Sightings) -> Result<(), &'static str> {
        let most = if self.profile.retry { MAX_ATTEMPTS } else { 1 };
        if sightings.taken() > most {
            return Err("it was made more often than it may be");
        }
        let mut all = sightings.arrivals.iter();
        let answered = all.position(|it| it.outcome == Outcome::Answers);
        if !self.profile.retry && answered.is_some() && all.next().is_some() {
            return Err("it was made again");
        }
        Ok(())
    }

    fn failed(
        &self,
        call: &Call,
        status: &Status,
        sightings: &Sightings,
    ) -> Result<(), &'static str> {
        let text = status.message();
        let peer = peer_of(text);
        let last = sightings.arrivals.last();
        match (status.code(), peer) {
            (Code::DeadlineExceeded, _) if call.started.elapsed() < call.deadline => {
                Err("its deadline is not over")
            }
            (Code::DeadlineExceeded, Some(peer)) => self.unanswered(call, peer, sightings),
            (Code::DeadlineExceeded, None) if text.starts_with("no success") => Ok(()),
            (Code::DeadlineExceeded, None) => self.unsent(call),
            (Code::Unavailable, _) if text == SCRIPTED => {
                let failed = last.is_some_and(|it| it.outcome == Outcome::Fails);
                let all = !self.profile.retry || sightings.taken() == MAX_ATTEMPTS;
                if !failed {
                    Err("no backend said so")
                } else if !all && self.attempts_were_seen(call, sightings) {
                    Err("it was not tried again")
                } else {
                    Ok(())
                }
            }
            (Code::Unavailable, None) if text.starts_with("call dropped by the balancer") => {
                self.dropped(call, text)
            }
            (Code::Unavailable, Some(_)) if sightings.refused() > 1 => Ok(()),
            (Code::Unavailable, Some(peer)) => {
                let arrived = last.is_some_and(|it| it.backend == peer);
                let lost = Lost {
                    started: call.started,
                    arrived,
                };
                let excused = self.harms.excuse(peer, lost);
                excused.then_some(()).ok_or("nothing was done to that peer")
            }
            (Code::Unavailable, None) if call.wait_for_ready => Err("it waits for ready"),
            (Code::Unavailable, None) => self.unsent(call),
            _ => Err("no call may fail like that"),
        }
    }

    /// Whether every attempt came to a backend, as far as can be told.
    fn attempts_were_seen(&self, call: &Call, sightings: &Sightings) -> bool {
        let mut all = sightings.arrivals.iter();
        let untouched = |at| !self.harms.any(at) && call.started.elapsed() < call.deadline;
        all.all(|it| it.outcome == Outcome::Fails && untouched(it.backend)) && self.nobody_harmed()
    }

    fn nobody_harmed(&self) -> bool {
        let listed = self.seen.lock().listed();
        listed.iter().all(|at| !self.harms.any(*at)) && self.seen.lock().streams_ended == 0
    }

    /// It was sent, and then nothing.
    fn unanswered(
        &self,
        call: &Call,
        peer: SocketAddr,
        sightings: &Sightings,
    ) -> Result<(), &'static str> {
        if self.harms.delays(peer, call.started) {
            return Ok(());
        }
        // Its time may have been used up elsewhere: only a call that arrived early counts.
        let early = |at: Instant| {
            let left = (call.started + call.deadline).saturating_duration_since(at);
            left > self.longest_work + self.longest_way
        };
        let mut all = sightings.arrivals.iter();
        let arrived = all.any(|it| it.backend == peer && early(it.at));
        if arrived {
            return Err("it had time enough to be answered");
        }
        Ok(())
    }

    /// There was nobody to send it to.
    fn unsent(&self, call: &Call) -> Result<(), &'static str> {
        if self.seen.has_ready() {
            return Err("a backend is READY");
        }
        let state = self.seen.lock();
        let (mode, list) = (state.mode.0, state.list.as_ref().map(|(list, _)| list));
        let is_fail_fast = !call.wait_for_ready && call.started.elapsed() < call.deadline;
        if is_fail_fast && mode == Mode::Connecting {
            return Err("there has been no answer yet, so it waits");
        }
        let settled = state.began + self.profile.fallback_timeout + FINDS_ROCK;
        let has_rock = match mode {
            Mode::Balancer => list.is_some_and(|list| !list.is_empty()),
            Mode::Fallback => self.profile.has_fallback,
            _ => false,
        };
        let time = call.started.elapsed() > FINDS_ROCK;
        // It begins anew with the first address each time, and never gets to the others.
        let stuck = self.profile.is_pick_first() && self.harms.any_flaps(call.started);
        if self.profile.rock
            && has_rock
            && !stuck
            && call.started > settled
            && (is_fail_fast || time)
        {
            return Err("the rock was there all the time");
        }
        Ok(())
    }

    fn dropped(&self, call: &Call, text: &str) -> Result<(), &'static str> {
        let category = text
            .split_once(" (")
            .and_then(|(_, it)| it.strip_suffix(')'));
        let Some(category) = category else {
            let script = self.script.lock();
            let mut lists = script.streams.iter().flat_map(|stream| stream.lists());
            let any = lists.any(|list| list.is_only_drops());
            return any.then_some(()).ok_or("not everything is dropped");
        };
        self.book.dropped(call.id, category);
        let state = self.seen.lock();
        let list = state.list.as_ref().map(|(list, _)| list);
        let in_force = list.is_some_and(|list| list.drops(category) > 0);
        // It may be the last of the list before.
        if in_force || state.turned.elapsed().is_zero() {
            return Ok(());
        }
        Err("the list has no such drop")
    }

    /// How many calls it is in load reports, at least and at most.
    fn counts(&self, call: &Call, end: &End, sightings: &Sightings) -> (u64, u64) {
        let seen = sightings.balanced();
        let (mode, since) = self.seen.lock().mode;
        // One that began in the very moment of the change may have been picked before it.
        let outside = mode != Mode::Balancer && since < call.started;
        let most = if self.profile.retry {
            MAX_ATTEMPTS as u64
        } else {
            1
        };
        if outside {
            return (0, 0);
        }
        let at_least = match end {
            End::Answered(by) => u64::from(!is_fallback(*by)),
            End::Failed(status) => {
                let text = status.message();
                let dropped = text.starts_with("call dropped");
                let listed = peer_of(text).is_some_and(|peer| !is_fallback(peer));
                u64::from(dropped || listed)
            }
            End::Cancelled => 0,
        };
        let at_least = at_least.max(seen.min(most));
        let exact = !self.profile.retry && at_least == 1;
        (at_least, if exact { 1 } else { most.max(at_least) })
    }
}

fn answered(by: SocketAddr, sightings: &Sightings) -> Result<(), &'static str> {
    let last = sightings.arrivals.last();
    let by_last = last.is_some_and(|it| it.backend == by && it.outcome == Outcome::Answers);
    by_last.then_some(()).ok_or("it was not sent there last")
}

fn peer_of(text: &str) -> Option<SocketAddr> {
    let (peer, _) = text.split_once(": ")?;
    peer.parse().ok()
}
