use loom::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use crate::{notify::block_on, policy::work_scheduler::WorkScheduler};

/// Two calls find the channel IDLE; its policy task sleeps until it has seen both, however
/// their wishes come together with one another and with other work.
pub(super) fn exit_idle() {
    let work = WorkScheduler::default();
    let calls = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..2)
        .map(|_| {
            let (work, calls) = (work.clone(), Arc::clone(&calls));
            thread::spawn(move || {
                calls.fetch_add(1, Relaxed);
                work.exit_idle();
            })
        })
        .collect();
    work.schedule_work();
    let mut seen = 0;
    while seen < 2 {
        block_on(work.scheduled());
        if work.take_exit_idle() {
            seen = calls.load(Relaxed);
        }
    }
    for caller in callers {
        caller.join().expect("no panic");
    }
}
