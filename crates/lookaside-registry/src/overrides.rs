//! Operators' overrides: how they are written down, and who writes them.

mod value;

pub use self::value::{MAX_NOTE_BYTES, override_json, parse_override};
