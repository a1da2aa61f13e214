//! Operators' overrides: how they are written down, and who writes them.

mod value;
mod writer;

pub(crate) use self::{
    value::reread_override,
    writer::{LONGEST_TTL, SHORTEST_TTL},
};
pub use self::{
    value::{MAX_NOTE_BYTES, override_json, parse_override},
    writer::{OverrideError, OverrideWriter, Unsaved},
};
