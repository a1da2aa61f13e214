//! Runs each model: all that its threads can do to one another, with at most so many
//! preemptions, and all that their memory orderings allow. A model that fails panics.

#![allow(dead_code, reason = "not all of the code that is included is modelled")]
#![allow(unreachable_pub, reason = "there it is public")]

mod http;
mod models;
mod notify;
mod policy;
mod report;
mod sync;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use lookaside_core::Token;
use models::MODELS;

/// Faults that need more are rare (Musuvathi and Qadeer, "Iterative context bounding",
/// 2007), and each more multiplies the time.
const PREEMPTIONS: usize = 3;

fn main() {
    for (name, model) in MODELS {
        let (began, runs) = (Instant::now(), Arc::new(AtomicU64::new(0)));
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(PREEMPTIONS);
        let counted = Arc::clone(&runs);
        builder.check(move || {
            counted.fetch_add(1, Relaxed);
            model();
        });
        let (runs, took) = (runs.load(Relaxed), began.elapsed());
        assert!(runs > 1, "{name}: nothing ran beside anything");
        println!("{name}: {runs} executions, {took:.1?}");
    }
}
