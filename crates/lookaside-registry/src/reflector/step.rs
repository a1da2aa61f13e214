//! What goes into a reflector and what comes out of it.

use std::sync::Arc;

use lookaside_core::Revision;
use tokio::time::Instant;

use super::{Failure, Header, Page, PageRequest, Reflected, WatchResponse};
use crate::Freshness;

/// What the driver has to do next. Each action replaces the one before it, apart from
/// those that say that the watch goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Connect afresh, to another member than before if there are several, and make a
    /// linearizable one-key read; answer with [`Input::Read`].
    Connect,
    /// Read a page on this connection; answer with [`Input::Page`].
    List(PageRequest),
    /// Watch the prefix on this connection from this revision on, inclusively, without
    /// fragments and with a leader required; answer with [`Input::Watch`], also for a
    /// failure to open it, and again for everything that it says.
    Watch {
        /// The first revision to be told of.
        from: Revision,
    },
    /// The watch goes on; ask it for progress.
    AskProgress,
    /// The watch goes on; make a linearizable one-key read on this connection beside
    /// it, and answer with [`Input::Read`].
    Read,
    /// Drop watch and connection.
    Disconnect,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// [`Reflector::deadline`](super::Reflector::deadline) has passed.
    Timer,
    /// The answer to a one-key read.
    Read(Result<Header, Failure>),
    /// The answer to a page request.
    Page(Result<Page, Failure>),
    /// A response of the watch, or its end.
    Watch(Result<WatchResponse, Failure>),
}

/// What changed for readers.
#[derive(Clone, Debug)]
pub struct Update<S> {
    /// The state; `None` until one has been read completely.
    pub state: Option<Arc<Reflected<S>>>,
    /// How far to trust it.
    pub freshness: Freshness,
    /// When the first of what is new in the state was heard of; `None` if nothing is.
    pub heard_at: Option<Instant>,
}

/// Something an operator may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Everything was read.
    Listed {
        /// How many keys.
        keys: usize,
        /// At which revision.
        revision: Revision,
    },
    /// The store went back to an earlier state, or is another one: restored from a
    /// backup, most likely.
    RolledBack {
        /// The revision that was in force.
        from: Revision,
        /// The store's revision now.
        to: Revision,
        /// Whether it is another cluster.
        other_cluster: bool,
    },
    /// The watch told of changes.
    Changed {
        /// Of so many keys.
        events: u64,
    },
    /// The watch is confirmed (again).
    Following {
        /// From which revision on.
        from: Revision,
    },
    /// Something failed; it will be tried again.
    Failed {
        /// Why.
        reason: Arc<str>,
    },
}
