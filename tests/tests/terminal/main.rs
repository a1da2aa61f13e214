//! What people see: tables, colours, exit codes, and `lookaside top` on a terminal.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod colours;
mod exit_codes;
mod table;
mod top;
mod transcript;
mod world;
