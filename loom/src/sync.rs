//! Instead of the modules of this name in the crates.

pub(crate) use loom::sync::{Arc, Mutex, MutexGuard, atomic};

pub(crate) use crate::notify::Notify;
