//! Targets, and what is resolved of them.

mod name_server;
mod records;
mod targets;
