//! Targets, and what is resolved of them.

mod targets;
