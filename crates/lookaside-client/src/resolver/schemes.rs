//! The schemes of this crate, a file each.

#[cfg(feature = "dns")]
mod dns;
#[cfg(feature = "file")]
mod file;
mod hosts;
mod passthrough;
mod static_list;
mod unix;

use std::sync::Arc;

#[cfg(feature = "dns")]
pub use dns::DnsScheme;

pub(crate) use passthrough::Passthrough;

use super::registry::Scheme;

/// Not in the registry: balancers are what the builder was given.
pub(crate) const GRPCLB: &str = "grpclb";

/// Those whose features are enabled.
pub(super) fn built_in() -> Vec<Arc<dyn Scheme>> {
    vec![
        #[cfg(feature = "dns")]
        Arc::new(DnsScheme::new()),
        #[cfg(feature = "file")]
        Arc::new(file::FileScheme),
        Arc::new(Passthrough),
        Arc::new(static_list::Static),
        Arc::new(unix::Unix),
    ]
}

/// The feature that a scheme of this crate is part of.
pub(super) fn feature_of(scheme: &str) -> Option<&'static str> {
    match scheme {
        "dns" => Some("dns"),
        "file" => Some("file"),
        _ => None,
    }
}
