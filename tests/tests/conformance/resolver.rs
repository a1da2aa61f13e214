//! Targets, and what is resolved of them.

mod records;
mod targets;
