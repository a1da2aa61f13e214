//! What files whose orderings are checked with loom (`loom/`) take their synchronisation
//! from: there, this module is another.

pub(crate) use std::sync::{Arc, atomic};

pub(crate) use tokio::sync::Notify;
