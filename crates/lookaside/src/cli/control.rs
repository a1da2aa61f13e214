//! Commands that change what balancers do, for a while.

mod cordon;
mod drain;
mod drops;
mod end_streams;
mod fallback;
mod or_clear;
mod overrides;
mod reload;
mod tell;
mod weight;

use self::tell::{Admin, Tell, Term};
pub(super) use self::{
    cordon::{Cordon, Uncordon},
    drain::{Drain, Undrain},
    drops::Drops,
    end_streams::EndStreams,
    fallback::Fallback,
    overrides::Overrides,
    reload::Reload,
    weight::Weight,
};
use super::Failure;
