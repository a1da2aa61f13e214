//! When fallback may be entered and left, and when it must be (`docs/client.md`).

use std::time::Duration;

use lookaside_client::{ConnectivityState, Mode};
use tokio::time::Instant;

use super::seen::{HOP, Seen, State};
use crate::log::Log;

/// How long the backends of a fresh list have to connect, and how long fallback waits for
/// them.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// What must be is so after so long.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Whether the client may do this now.
///
/// # Errors
/// Why not.
pub fn judge(seen: &Seen, from: Mode, to: Mode) -> Result<(), &'static str> {
    let told = seen.may_be_told();
    let state = seen.lock();
    let time_over = state
        .list
        .as_ref()
        .is_none_or(|(_, at)| at.elapsed() >= CONNECT_TIME);
    match (from, to) {
        (Mode::Connecting, Mode::Fallback) => {
            let waited = state.began.elapsed();
            if state.reason.starts_with("no list") && waited < seen.profile.fallback_timeout {
                return Err("the time for it is not over");
            }
            if state.reason.starts_with("the balancer said so") && !told {
                return Err("it did not");
            }
            if state.reason == "there are no balancers" && state.named > 0 {
                return Err("there are");
            }
            let harmless = !seen.profile.balancers_suffer && !told;
            if harmless && waited < seen.profile.fallback_timeout {
                return Err("all balancers are well");
            }
            Ok(())
        }
        (Mode::Balancer, Mode::Fallback) if state.reason == "the balancer said so" => {
            told.then_some(()).ok_or("it did not")
        }
        (Mode::Balancer, Mode::Fallback) => {
            let listed = state.listed();
            let has_backends = !listed.is_empty();
            match state.connectivity.0 {
                _ if state.on_stream => Err("there is a list"),
                ConnectivityState::Ready if has_backends => Err("a listed backend is READY"),
                ConnectivityState::Connecting | ConnectivityState::Idle
                    // What is told at once with the mode was never the channel's state.
                    if has_backends && !time_over && !state.all_failed(&listed) =>
                {
                    Err("the list is fresh")
                }
                _ => Ok(()),
            }
        }
        (Mode::Fallback, Mode::Balancer) => {
            let Some((list, _)) = &state.list else {
                return Err("there is no list");
            };
            let connected = state.any_ready(&state.listed());
            if !(list.is_only_drops() || connected || time_over) {
                return Err("no listed backend is READY");
            }
            let in_use = state.connectivity.0 == ConnectivityState::Ready;
            if !list.is_only_drops() && !connected && in_use {
                return Err("fallback works, and no listed backend is READY");
            }
            Ok(())
        }
        (Mode::Connecting, Mode::Balancer) => {
            let has = state.list.is_some();
            has.then_some(()).ok_or("there is no list")
        }
        (_, Mode::Connecting) => {
            let idle = state.connectivity.0 == ConnectivityState::Idle;
            idle.then_some(()).ok_or("the channel is in use")
        }
        _ => Err("there is no such way"),
    }
}

/// What should have happened by now; looked at again and again.
#[derive(Debug, Default)]
pub struct Overdue {
    since: [Option<Instant>; 6],
}

impl Overdue {
    pub fn look(&mut self, seen: &Seen, log: &Log) {
        let told = seen.may_be_told();
        let state = seen.lock();
        let due = due(&state, seen, told);
        for ((is_due, what), since) in due.into_iter().zip(&mut self.since) {
            if !is_due {
                *since = None;
                continue;
            }
            let began = *since.get_or_insert_with(Instant::now);
            if began.elapsed() > AT_ONCE {
                let (mode, connectivity) = (state.mode.0, state.connectivity.0);
                let broken = format!("{mode}, {connectivity}, though {what}: {}", state.states());
                log.violation(broken);
                *since = None;
            }
        }
    }
}

fn due(state: &State, seen: &Seen, told: bool) -> [(bool, &'static str); 6] {
    let (mode, profile) = (state.mode.0, &seen.profile);
    let age = state.list.as_ref().map(|(_, at)| at.elapsed());
    let list_time = age.is_some_and(|age| age > CONNECT_TIME + HOP);
    let ready = state.connectivity.0 == ConnectivityState::Ready;
    let only_drops = state
        .list
        .as_ref()
        .is_some_and(|(list, _)| list.is_only_drops());
    // What came after the newest list may still be on its way.
    let has_list = state.on_stream && !told;
    let in_fallback = mode == Mode::Fallback;
    [
        (
            mode == Mode::Connecting
                && state.connectivity.0 != ConnectivityState::Idle
                && state.began.elapsed() > profile.fallback_timeout,
            "the time for a first list is over",
        ),
        (
            mode == Mode::Connecting
                && state.connectivity.0 != ConnectivityState::Idle
                && state.named == 0,
            "there are no balancers",
        ),
        (
            in_fallback && has_list && state.is_usable(&state.listed(), profile),
            "a listed backend is READY",
        ),
        (
            in_fallback && has_list && only_drops,
            "the list has nothing but drops",
        ),
        (
            in_fallback && has_list && list_time && !ready,
            "there is a list, and fallback does not work",
        ),
        (
            mode == Mode::Balancer
                && profile.has_fallback
                && !state.on_stream
                && !ready
                && list_time,
            "balancer and backends are lost",
        ),
    ]
}
