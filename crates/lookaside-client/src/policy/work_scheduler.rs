use std::fmt;

use crate::sync::{
    Arc, Notify,
    atomic::{AtomicBool, Ordering::AcqRel},
};

/// Has [`Policy::work`] or [`Policy::exit_idle`] called soon, from any task. Many wishes
/// are one call.
///
/// [`Policy::work`]: crate::Policy::work
/// [`Policy::exit_idle`]: crate::Policy::exit_idle
#[derive(Clone, Default)]
pub struct WorkScheduler(Arc<Schedule>);

#[derive(Default)]
struct Schedule {
    notify: Notify,
    exit_idle: AtomicBool,
}

impl WorkScheduler {
    /// [`Policy::work`](crate::Policy::work) is called soon.
    pub fn schedule_work(&self) {
        self.0.notify.notify_one();
    }

    /// [`Policy::exit_idle`](crate::Policy::exit_idle) is called soon.
    pub fn exit_idle(&self) {
        if !self.0.exit_idle.swap(true, AcqRel) {
            self.0.notify.notify_one();
        }
    }

    pub(crate) async fn scheduled(&self) {
        self.0.notify.notified().await;
    }

    pub(crate) fn take_exit_idle(&self) -> bool {
        self.0.exit_idle.swap(false, AcqRel)
    }
}

impl fmt::Debug for WorkScheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WorkScheduler")
    }
}
