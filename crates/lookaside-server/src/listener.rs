//! Accepting connections and serving HTTP/2 on them.

mod accept;
mod executor;
mod tcp;
mod write_deadline;
