use std::{num::NonZeroU32, time::Duration};

use super::{Drops, HealthCheck, OnEmpty, Settings};
use crate::ServiceOverrides;

/// What a balancer's configuration says for services that have no setting of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDefaults {
    /// Default fallback.
    pub on_empty: OnEmpty,
    /// Default 1024.
    pub max_slots: NonZeroU32,
    /// Default 10 s.
    pub report_interval: Duration,
    /// Default 30 s: longer than a lease takes to expire and be granted again.
    pub hold_down: Duration,
}

impl Default for PolicyDefaults {
    fn default() -> Self {
        Self {
            on_empty: OnEmpty::default(),
            max_slots: const { NonZeroU32::new(1024).unwrap() },
            report_interval: Duration::from_secs(10),
            hold_down: Duration::from_secs(30),
        }
    }
}

/// What holds for one service, each value with where it comes from: an override before a
/// setting before the balancer's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Shares of all calls to fail at the client.
    pub drops: Sourced<Drops>,
    /// Send clients to their own addresses.
    pub fallback: Sourced<bool>,
    /// What clients get without any backend that can take calls.
    pub on_empty: Sourced<OnEmpty>,
    /// Slots of a list before drops.
    pub max_slots: Sourced<NonZeroU32>,
    /// How often clients report their load; zero: never. A stream keeps what it was told
    /// at its start.
    pub report_interval: Sourced<Duration>,
    /// How long a suspect backend is kept; zero: not at all.
    pub hold_down: Sourced<Duration>,
    /// How the backends are checked; `None`: not at all.
    pub health: Sourced<Option<HealthCheck>>,
}

/// A value and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sourced<T> {
    /// What holds.
    pub value: T,
    /// Where it comes from.
    pub source: Source,
}

/// Where a value comes from, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// The balancer's configuration differs from the default.
    Configuration,
    /// The service's settings in the registry.
    Setting,
    /// An operator's override.
    Override,
}

impl Source {
    /// The word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Configuration => "configuration",
            Self::Setting => "setting",
            Self::Override => "override",
        }
    }
}

impl Policy {
    /// What holds for a service with these settings and overrides.
    pub fn new(
        configured: &PolicyDefaults,
        settings: &Settings,
        overrides: &ServiceOverrides,
    ) -> Self {
        let defaults = PolicyDefaults::default();
        let drops = Some(&settings.drops).filter(|drops| !drops.as_slice().is_empty());
        Self {
            drops: match drops {
                Some(drops) => sourced(drops.clone(), Source::Setting),
                None => sourced(Drops::default(), Source::Default),
            }
            .overridden(overrides.drops.as_ref().map(|it| it.value.clone())),
            fallback: of(settings.fallback.then_some(true), false, false)
                .overridden(overrides.fallback.as_ref().map(|it| it.value)),
            on_empty: of(settings.on_empty, configured.on_empty, defaults.on_empty),
            max_slots: of(settings.max_slots, configured.max_slots, defaults.max_slots),
            report_interval: of(
                settings.report_interval,
                configured.report_interval,
                defaults.report_interval,
            ),
            hold_down: of(settings.hold_down, configured.hold_down, defaults.hold_down),
            health: match &settings.health {
                Some(check) => sourced(Some(check.clone()), Source::Setting),
                None => sourced(None, Source::Default),
            },
        }
    }
}

impl<T> Sourced<T> {
    fn overridden(self, value: Option<T>) -> Self {
        match value {
            Some(value) => sourced(value, Source::Override),
            None => self,
        }
    }
}

fn sourced<T>(value: T, source: Source) -> Sourced<T> {
    Sourced { value, source }
}

fn of<T: PartialEq>(setting: Option<T>, configured: T, default: T) -> Sourced<T> {
    match setting {
        Some(value) => sourced(value, Source::Setting),
        None if configured == default => sourced(default, Source::Default),
        None => sourced(configured, Source::Configuration),
    }
}

#[cfg(test)]
mod tests;
