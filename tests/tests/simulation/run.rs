//! One run, from a seed to a verdict.

use std::{
    cell::RefCell,
    panic::{self, AssertUnwindSafe},
    process,
    sync::{Once, mpsc},
    thread,
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle},
    time::{Instant, sleep},
};

use crate::log::Log;

/// Within so long, everything ends: a balancer drains for 15 s, connections linger 10 s.
const ENDS: Duration = Duration::from_secs(60);

/// A task that always has something to do stops virtual time: no run takes so long, even
/// on a busy machine.
const HANGS: Duration = Duration::from_secs(300);

thread_local! {
    /// Panics on this thread, which is where all tasks of a run are.
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A task that panics must not go unnoticed: whoever waits for it may take it for ended.
fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICS.with_borrow_mut(|panics| panics.push(info.to_string()));
            before(info);
        }));
    });
}

/// Runs a seed of what `live` does with it; tells what happened if anything is wrong.
pub fn passes<L: Future<Output = ()>>(seed: u64, live: impl FnOnce(u64, Log) -> L) -> bool {
    note_panics();
    PANICS.with_borrow_mut(Vec::clear);
    // What the parts draw from the thread's generator.
    fastrand::seed(seed);
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let log = runtime.block_on(async { Log::new() });
    let began = std::time::Instant::now();
    let (ended_in_time, ended_seen) = mpsc::channel::<()>();
    let hung = log.clone();
    let watchdog = thread::spawn(move || {
        if ended_seen.recv_timeout(HANGS) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("seed {seed} hangs:\n{}", hung.text());
            process::exit(1);
        }
    });
    let ended = panic::catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(Box::pin(live(seed, log.clone())));
    }));
    drop(runtime);
    drop(ended_in_time);
    watchdog.join().expect("it does not panic");
    for panicked in PANICS.take() {
        log.violation(format!("panic: {panicked}"));
    }
    let passed = ended.is_ok() && log.is_clean();
    if !passed || std::env::var_os("LOOKASIDE_SIM_SEED").is_some() {
        eprintln!("seed {seed}:\n{}", log.text());
    }
    let verdict = if passed { "passed" } else { "FAILED" };
    eprintln!("seed {seed} {verdict} after {:.1?}", began.elapsed());
    passed
}

/// Waits until no task is left.
pub async fn ends(log: &Log) {
    let deadline = Instant::now() + ENDS;
    let alive = || Handle::current().metrics().num_alive_tasks();
    while alive() > 0 && Instant::now() < deadline {
        sleep(Duration::from_millis(100)).await;
    }
    if alive() > 0 {
        log.violation(format!("{} tasks are left after {ENDS:?}", alive()));
    }
}
