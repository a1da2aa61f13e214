//! The domain of Lookaside, pure and synchronous.
//!
//! Nothing here does I/O, reads a clock, or owns a global random number generator:
//! time and randomness are arguments. The words are those of `docs/architecture.md`.

mod address;
mod backend;
mod backoff;
mod connectivity;
mod drops;
mod health;
mod latency;
mod name;
mod outlier;
mod overrides;
mod plan;
mod removal;
mod report;
mod reported_weight;
pub mod rotation;
mod settings;
mod shared_rng;
mod slots;
mod snapshot;
mod stride;
mod subchannel;
mod sync;
mod token;

pub use address::{AddressError, Host, HostPort};
pub use backend::{Backend, BackendState, DEFAULT_WEIGHT};
pub use backoff::{Backoff, BackoffConfig};
pub use connectivity::ConnectivityState;
pub use drops::{Slot, spread_drops};
pub use health::{Ejection, Ejections, HealthState, first_wait, next_wait};
pub use latency::{LatencyEstimate, PeakEwma};
pub use name::{BackendId, MAX_NAME_BYTES, NameError, ServiceName};
pub use outlier::{
    FailurePercentageEjection, OutlierHost, OutlierSettings, OutlierSettingsError,
    SuccessRateEjection, sweep as sweep_outliers, uneject_all,
};
pub use overrides::{
    BackendOverrides, Cordons, Overridden, Override, OverrideKeyError, OverrideNote,
    OverrideTarget, OverridesSnapshot, Place, PlaceError, ServiceOverrides,
};
pub use plan::{
    DEFAULT_MAX_BYTES, Endpoint, FallbackReason, Health, Limits, List, MAX_ADDRESSES_PER_BACKEND,
    NO_BACKENDS, Panic, Plan, Planner, ResolvedBackend, ServiceInput, SlotRef, Truncation, dialled,
    is_eligible, plan,
};
pub use removal::{
    Belief, Hold, MassRemoval, ProbeAnswer, ProbeTicket, RemovalEvent, Removals, Surroundings,
    Suspect, SuspectProbe, Why,
};
pub use report::{
    CallCounters, DropCounter, MAX_DROP_CATEGORIES, OTHER_CATEGORIES, ReportDelta, ReportFilter,
    ReportTotals,
};
pub use reported_weight::{ReportedWeight, weight_of_report};
pub use settings::{
    Drop, Drops, DropsError, HealthCheck, MAX_CATEGORY_CHARS, OnEmpty, Policy, PolicyDefaults,
    Probe, Settings, Source, Sourced,
};
pub use shared_rng::SharedRng;
pub use slots::{Apportionment, apportion, interleave, length_bound};
pub use snapshot::{Problem, Revision, Service, ServiceSettings, SettingsSnapshot, Snapshot};
pub use stride::StrideSchedule;
pub use subchannel::{MIN_CONNECT_TIMEOUT, Subchannel, SubchannelAction, SubchannelEvent};
pub use token::{
    Key, KeyError, KeyId, KeyLineError, KeyRing, KeyRingError, MAX_KEYS, MAX_TOKEN_CHARS,
    MIN_KEY_BYTES, ServiceIssuer, Token, TokenError, TokenFault, TokenIssuer, TokenParts,
    TokenVerdict, TokenVerifier, Variant, parse_keys, strip_variant,
};
