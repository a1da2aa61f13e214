mod health_check;
mod on_empty;
mod policy;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

pub use health_check::{HealthCheck, Probe};
pub use on_empty::OnEmpty;
pub use policy::{Policy, PolicyDefaults, Source, Sourced};

/// The longest drop category: with a stream's variant it stays within a token's 49
/// characters.
pub const MAX_CATEGORY_CHARS: usize = 40;

/// What an operator set for one service; the default where nothing is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Shares of all calls to fail at the client.
    pub drops: Drops,
    /// Send clients to their own addresses now, whatever the backends are.
    pub fallback: bool,
    /// What clients get without any backend that can take calls; `None`: the balancer's
    /// setting.
    pub on_empty: Option<OnEmpty>,
    /// Slots of a list before drops; `None`: the balancer's setting.
    pub max_slots: Option<NonZeroU32>,
    /// How often clients report their load, zero: never; `None`: the balancer's setting.
    pub report_interval: Option<Duration>,
    /// How long a backend is kept that vanished with most others but still answers, zero:
    /// not at all; `None`: the balancer's setting.
    pub hold_down: Option<Duration>,
    /// How the balancer checks the backends; `None`: not at all.
    pub health: Option<HealthCheck>,
}

/// One drop category and its share of all calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drop {
    /// The token of its slots: 1 to [`MAX_CATEGORY_CHARS`] printable ASCII characters.
    pub category: Arc<str>,
    /// Out of 1,000,000 calls.
    pub per_million: u32,
}

/// The drops of a service, checked: distinct categories, at most all calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drops(Arc<[Drop]>);

/// Why a list of drops is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DropsError {
    /// Not 1 to [`MAX_CATEGORY_CHARS`] printable ASCII characters.
    #[error(
        "drop category {0:?} is not 1 to {MAX_CATEGORY_CHARS} printable ASCII characters without spaces"
    )]
    Category(String),
    /// The same category twice.
    #[error("drop category {0:?} occurs twice")]
    Duplicate(String),
    /// More than all calls.
    #[error("drops add up to {0} per million, at most 1000000 are allowed")]
    Sum(u64),
}

impl Drops {
    /// Checks drops and leaves out those of share 0.
    ///
    /// # Errors
    /// Names the category, or the sum, that is wrong.
    pub fn new(drops: impl IntoIterator<Item = Drop>) -> Result<Self, DropsError> {
        let mut kept: Vec<Drop> = Vec::new();
        let mut sum = 0u64;
        for drop in drops {
            let len = drop.category.len();
            if !(1..=MAX_CATEGORY_CHARS).contains(&len)
                || !drop.category.bytes().all(|b| b.is_ascii_graphic())
            {
                return Err(DropsError::Category(drop.category.to_string()));
            }
            if kept.iter().any(|other| other.category == drop.category) {
                return Err(DropsError::Duplicate(drop.category.to_string()));
            }
            sum += u64::from(drop.per_million);
            kept.push(drop);
        }
        if sum > 1_000_000 {
            return Err(DropsError::Sum(sum));
        }
        kept.retain(|drop| drop.per_million > 0);
        Ok(Self(kept.into()))
    }

    /// Drops of all calls, under a category that is known to be one.
    pub(crate) fn all_calls(category: &'static str) -> Self {
        Self(Arc::new([Drop {
            category: category.into(),
            per_million: 1_000_000,
        }]))
    }

    /// The drops, in the order given.
    pub fn as_slice(&self) -> &[Drop] {
        &self.0
    }
}

#[cfg(test)]
mod tests;
