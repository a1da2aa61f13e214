//! What the store says, as plain data.

use std::sync::Arc;

use lookaside_core::Revision;

/// The most keys in a page of a list. A backend has about 150 bytes, so a page has about
/// 150 kB.
pub const PAGE_LIMIT: u32 = 1000;

/// Keys in the first page, whose size is not known before: 48 MiB at worst, as etcd
/// takes values of up to 1.5 MiB.
pub const FIRST_PAGE: u32 = 32;

/// How large a page should be: the store builds it in memory for every balancer that
/// lists. A page that turns out too large to be received is halved.
pub const PAGE_BYTES: usize = 4 << 20;

/// What comes with every answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which cluster answered; 0 if it does not say.
    pub cluster: u64,
    /// The raft term of the answering member.
    pub term: u64,
    /// The revision of the store when it answered, *not* of what it answered: a watch
    /// response may carry older events, and more of them may follow.
    pub revision: Revision,
}

/// A key as it was last written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    /// The whole key, prefix included.
    pub key: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
    /// When it was written.
    pub mod_revision: Revision,
}

/// The next page to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Start behind this key; `None`: at the prefix.
    pub after: Option<Vec<u8>>,
    /// Read at this revision. `None`: at the newest, which must be a linearizable
    /// read: it decides whether the store went back.
    pub revision: Option<Revision>,
    /// At most so many keys.
    pub limit: u32,
}

/// A page of a list, in the order of the keys.
#[derive(Clone, Debug)]
pub struct Page {
    /// The answer's header.
    pub header: Header,
    /// The keys.
    pub keys: Vec<KeyValue>,
    /// Whether there are keys behind these.
    pub more: bool,
}

/// One change of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was written.
    Put(KeyValue),
    /// It was deleted, by hand or with its lease.
    Delete {
        /// The whole key.
        key: Vec<u8>,
        /// When.
        mod_revision: Revision,
    },
}

impl Event {
    /// The revision that the change belongs to.
    pub fn mod_revision(&self) -> Revision {
        match self {
            Self::Put(it) => it.mod_revision,
            Self::Delete { mod_revision, .. } => *mod_revision,
        }
    }
}

/// One response of a watch.
#[derive(Clone, Debug)]
pub struct WatchResponse {
    /// Its header.
    pub header: Header,
    /// Whether it confirms the watch.
    pub created: bool,
    /// Set if it ends the watch.
    pub canceled: Option<Canceled>,
    /// What happened, if it is no mere sign of life.
    pub events: Vec<Event>,
}

/// Why the store ended a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canceled {
    /// In the store's words; may be empty.
    pub reason: Arc<str>,
    /// Above 0: what was asked for is compacted away.
    pub compact_revision: Revision,
}

/// Something that did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What follows from it.
    pub kind: FailureKind,
    /// For people.
    pub reason: Arc<str>,
}

/// What follows from a [`Failure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The same request could work another time, or on another member.
    Unavailable,
    /// The revision asked for is compacted away, or not there yet: asking for it again
    /// is no use.
    Revision,
    /// The answer is larger than may be received: asking for the same again is no use.
    TooLarge,
}

impl Failure {
    /// A failure that may pass.
    pub fn unavailable(reason: impl Into<Arc<str>>) -> Self {
        Self {
            kind: FailureKind::Unavailable,
            reason: reason.into(),
        }
    }
}
