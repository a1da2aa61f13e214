//! What keys and values mean.

mod endpoints;
mod overrides;
mod settings;
mod value;

use std::sync::Arc;

pub(crate) use endpoints::{Endpoints, key_of, name_of};
pub(crate) use overrides::OverrideKeys;
pub(crate) use settings::SettingsKeys;
pub(crate) use value::{address_of, encode, owner_of};

/// The longest value of a backend that is read. An ordinary one has about 100 bytes.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;

/// The part of a key behind the prefix.
fn rest<'a>(prefix: &str, key: &'a [u8]) -> Result<&'a str, Arc<str>> {
    std::str::from_utf8(key)
        .map_err(|_| Arc::from("the key is not UTF-8"))?
        .strip_prefix(prefix)
        .ok_or_else(|| format!("the key does not start with {prefix}").into())
}
