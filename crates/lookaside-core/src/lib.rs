//! The domain of Lookaside, pure and synchronous.
//!
//! Nothing here does I/O, reads a clock, or owns a global random number generator:
//! time and randomness are arguments. The words are those of `docs/architecture.md`.

mod address;
mod backend;
mod name;
mod settings;
mod snapshot;

pub use address::{AddressError, Host, HostPort};
pub use backend::{Backend, BackendState, DEFAULT_WEIGHT};
pub use name::{BackendId, MAX_NAME_BYTES, NameError, ServiceName};
pub use settings::{Drop, Drops, DropsError, MAX_CATEGORY_CHARS, Settings};
pub use snapshot::{Problem, Revision, Service, ServiceSettings, SettingsSnapshot, Snapshot};
