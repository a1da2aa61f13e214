//! Follows the keys under a prefix of an etcd-like store: list, then watch.
//!
//! Pure and synchronous. [`Reflector`] is told what the store answered and what time
//! it is, and says what to do next; whoever drives it does the I/O. What it yields
//! are complete states ([`Reflected`]), each of one revision.
//!
//! ```text
//!             ┌──────────────────────── wait (back-off) ◀──────────────┐
//!             ▼                                                        │ any failure
//!  connect: one linearizable read ──▶ watch from the last applied ──▶ follow
//!             │                          revision   ▲                  silent 5 s: ask for progress
//!             │ nothing read yet, the resume        │                  5 s more: linearizable read
//!             ▼ point is lost, or in doubt          │
//!           list in pages at one revision, diff ────┘
//! ```
//!
//! The last good state is served throughout.
//!
//! What this relies on, of the store (true of etcd 3.4 to 3.6):
//! - A revision is never split over watch responses unless fragments are asked for,
//!   which the driver must not do: synced watchers get one response per transaction,
//!   and catch-up batches of 1,000 revisions are cut between revisions only.
//! - The events of a response are in the order of their `mod_revision`.
//! - A transaction writes a key at most once.
//! - After a linearizable read, the answering member's revision and raft term are at
//!   least those of every earlier linearizable read of the same history.

mod dissent;
mod layout;
mod listing;
mod liveness;
mod machine;
mod step;
mod store;
mod timings;
mod wire;

pub use layout::{Layout, Reflected};
pub use machine::Reflector;
pub use step::{Action, Input, Notice, Update};
pub use timings::Timings;
pub use wire::{
    Canceled, Event, FIRST_PAGE, Failure, FailureKind, Header, KeyValue, PAGE_BYTES, PAGE_LIMIT,
    Page, PageRequest, WatchResponse,
};

#[cfg(test)]
mod tests;
