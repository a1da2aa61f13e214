//! What happened when, and what should not have.

use std::{
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::time::Instant;

/// Lines of one run, and the rules that were broken. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Log {
    start: Instant,
    lines: Arc<Mutex<Lines>>,
}

#[derive(Debug, Default)]
struct Lines {
    all: String,
    broken: usize,
}

/// So many broken rules are told; the first says most.
const MAX_BROKEN: usize = 10;

impl Log {
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            lines: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap()
    }

    pub fn event(&self, what: impl AsRef<str>) {
        let at = self.start.elapsed().as_secs_f64();
        let _ = writeln!(self.lock().all, "{at:9.3}  {}", what.as_ref());
    }

    /// A rule is broken.
    pub fn violation(&self, what: impl AsRef<str>) {
        let many = {
            let mut lines = self.lock();
            lines.broken += 1;
            lines.broken
        };
        if many <= MAX_BROKEN {
            self.event(format!("BROKEN: {}", what.as_ref()));
        }
    }

    pub fn is_clean(&self) -> bool {
        self.lock().broken == 0
    }

    pub fn text(&self) -> String {
        self.lock().all.clone()
    }
}
