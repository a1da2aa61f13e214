use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// When a stream has to end, as those know it who end it.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    /// In a shutdown: see [`Drain`](crate::drain::Drain).
    phase: u16,
    /// Now, because an operator said so.
    ordered: AtomicBool,
}

impl Ending {
    pub(crate) fn new(phase: u16) -> Self {
        Self {
            phase,
            ordered: AtomicBool::new(false),
        }
    }

    pub(crate) fn phase(&self) -> u16 {
        self.phase
    }

    /// Has it end; says whether that is new. It is to be woken then:
    /// [`Topic::wake_ordered`](crate::topic::Topic::wake_ordered).
    pub(crate) fn order(&self) -> bool {
        !self.ordered.swap(true, SeqCst)
    }

    pub(crate) fn is_ordered(&self) -> bool {
        self.ordered.load(SeqCst)
    }
}
