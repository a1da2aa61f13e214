//! Which backends to take out of use because their calls fare worse than those of the
//! others (A50).

mod host;
mod settings;
mod sweep;

pub use host::OutlierHost;
pub use settings::{
    FailurePercentageEjection, OutlierSettings, OutlierSettingsError, SuccessRateEjection,
};
pub use sweep::{sweep, uneject_all};
