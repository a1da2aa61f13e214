//! What is fuzzed: each target takes any bytes and panics when something is wrong.

/// The binary is no library; of its configuration only the reading is used.
#[allow(
    dead_code,
    unused_imports,
    reason = "the rest of the binary is not here"
)]
#[path = "../../crates/lookaside/src"]
mod binary {
    pub(crate) mod config;
}
pub mod targets;

pub(crate) use binary::config;
