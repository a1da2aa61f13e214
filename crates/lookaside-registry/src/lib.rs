//! Where backends are recorded, and how a balancer learns of them.
//!
//! A [`Registry`] publishes its whole state as one immutable value after every
//! change; a [`Registrar`] writes backends into it.

mod activity;
mod claim;
mod file;
mod judged;
mod memory;
pub mod names;
mod object;
mod overrides;
pub mod reflector;
mod registrar;
mod registration;
mod registry;
pub mod saved;
mod settings;
mod state;
mod task;

pub use activity::Activity;
pub use claim::{Claim, MAX_SECRET_BYTES, MIN_SECRET_BYTES, Owner};
pub use file::{DEFAULT_POLL, FileError, FileRegistry, MAX_FILE_BYTES};
pub use judged::{Judged, LastKnown, LastSuspect};
pub use memory::{Held, MemoryLimits, MemoryRegistry};
pub use object::parse_duration;
pub use overrides::{
    MAX_NOTE_BYTES, OverrideError, OverrideWriter, Unsaved, override_json, parse_override,
};
pub use registrar::{Registered, Registrar, RegistrarError};
pub use registration::{
    DEFAULT_TTL, Handle, MAX_HANDLE_BYTES, MAX_TTL, MAX_ZONE_BYTES, MIN_TTL, Registration,
    RegistrationError, check_ttl, check_zone,
};
pub use registry::Registry;
pub use settings::{
    MAX_REASON_BYTES, MAX_SETTINGS_BYTES, SettingsError, apply_settings, parse_settings, problem,
    settings_json,
};
pub use state::{Freshness, RegistryState};
