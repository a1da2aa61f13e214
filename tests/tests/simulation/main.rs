//! Two worlds, each in one process on virtual time, over a network in memory: the whole
//! system, with registry, balancers, clients and backends; and a client alone (`scripted`),
//! whose balancers and backends do all that peers and networks can do to it. What happens is
//! drawn from a seed, and all along nothing may happen that the design rules out.
//!
//! `LOOKASIDE_SIM_SEEDS=N` runs the seeds 0 to N-1 of both (default 20),
//! `LOOKASIDE_SIM_SEED=X` one of them again.
//!
//! A seed decides what happens and when, latencies, and every random choice that the
//! parts take from `fastrand`'s generator. It does not decide in which order tokio's
//! `select!` looks at branches that are ready at the same time, nor the order of
//! iteration over hash maps, nor registration handles; wall-clock times are in load
//! reports and decide nothing. So a run repeats its events exactly, and its
//! interleavings nearly.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod agenda;
mod backend;
mod client;
mod dials;
mod expected;
mod log;
mod net;
mod observer;
mod pipe;
mod prober;
mod replica;
mod run;
mod scenario;
mod scripted;
mod settled;
mod system;
mod timeline;
mod view;
mod witness;
mod world;

use std::env;

use crate::log::Log;

/// So many seeds of both take less than a minute in a debug build.
const DEFAULT_SEEDS: u64 = 20;

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    match text.parse() {
        Ok(number) => Some(number),
        Err(_) => panic!("{variable}={text} is not a number"),
    }
}

/// Runs the seeds that were asked for.
fn run_seeds<L: Future<Output = ()>>(test: &str, live: impl Fn(u64, Log) -> L) {
    let seeds = match number("LOOKASIDE_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("LOOKASIDE_SIM_SEEDS").unwrap_or(DEFAULT_SEEDS),
    };
    let failed: Vec<u64> = seeds.filter(|seed| !run::passes(*seed, &live)).collect();
    if let Some(first) = failed.first() {
        panic!(
            "seeds {failed:?} failed; to run one again: LOOKASIDE_SIM_SEED={first} \
             cargo test -p lookaside-tests --test simulation {test}"
        );
    }
}

#[test]
fn whatever_happens_no_call_is_lost_and_no_list_is_wrong() {
    run_seeds(
        "whatever_happens_no_call_is_lost_and_no_list_is_wrong",
        system::live,
    );
}

#[test]
fn whatever_its_peers_do_a_client_keeps_its_promises() {
    run_seeds(
        "whatever_its_peers_do_a_client_keeps_its_promises",
        scripted::live,
    );
}
