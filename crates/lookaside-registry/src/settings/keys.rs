use std::num::NonZeroU32;

use lookaside_core::{Drop, Drops, HealthCheck, OnEmpty, Settings};
use serde::{Deserialize, Deserializer, de::Error};

use super::HealthValue;
use crate::object::{Object, Span, Whole};

/// The longest list that any setting can ask for.
const MAX_SLOTS: u32 = 32_768;

/// An hour, in milliseconds.
const HOUR: u64 = 60 * 60 * 1000;

/// The keys of a service's settings. A registry file has them beside others in one table.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SettingsKeys {
    #[serde(deserialize_with = "present")]
    pub(crate) drops: Option<DropsValue>,
    #[serde(deserialize_with = "present")]
    pub(crate) fallback: Option<bool>,
    #[serde(deserialize_with = "present")]
    pub(crate) on_empty: Option<OnEmptyValue>,
    #[serde(deserialize_with = "present")]
    pub(crate) max_slots: Option<MaxSlots>,
    #[serde(deserialize_with = "present")]
    pub(crate) report_interval: Option<ReportInterval>,
    #[serde(deserialize_with = "present")]
    pub(crate) hold_down: Option<HoldDown>,
    #[serde(deserialize_with = "present")]
    pub(crate) health: Option<HealthValue>,
}

impl SettingsKeys {
    /// Whether none of them is there.
    pub(crate) fn is_empty(&self) -> bool {
        let Self {
            drops,
            fallback,
            on_empty,
            max_slots,
            report_interval,
            hold_down,
            health,
        } = self;
        drops.is_none()
            && fallback.is_none()
            && on_empty.is_none()
            && max_slots.is_none()
            && report_interval.is_none()
            && hold_down.is_none()
            && health.is_none()
    }

    pub(crate) fn settings(self) -> Settings {
        let mut settings = Settings::default();
        settings.drops = self.drops.map(|it| it.0).unwrap_or_default();
        settings.fallback = self.fallback.unwrap_or_default();
        settings.on_empty = self.on_empty.map(OnEmpty::from);
        settings.max_slots = self.max_slots.map(|it| it.0);
        settings.report_interval = self.report_interval.map(|it| it.0);
        settings.hold_down = self.hold_down.map(|it| it.0);
        settings.health = self.health.map(HealthCheck::from);
        settings
    }
}

/// For `deserialize_with`, of a key that may be left out: `null` is none of its values.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// 0 for never, or a time that does not make every client a nuisance.
pub(crate) type ReportInterval = Span<100, { 24 * HOUR }, true>;

pub(crate) type HoldDown = Span<0, { 24 * HOUR }>;

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnEmptyValue {
    Fallback,
    Drop,
    Hold,
}

impl From<OnEmptyValue> for OnEmpty {
    fn from(value: OnEmptyValue) -> Self {
        match value {
            OnEmptyValue::Fallback => Self::Fallback,
            OnEmptyValue::Drop => Self::Drop,
            OnEmptyValue::Hold => Self::Hold,
        }
    }
}

pub(crate) struct MaxSlots(NonZeroU32);

impl<'de> Deserialize<'de> for MaxSlots {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Whole(slots) = Whole::<1, MAX_SLOTS>::deserialize(from)?;
        let slots = NonZeroU32::new(slots).ok_or_else(|| D::Error::custom("0 slots"))?;
        Ok(Self(slots))
    }
}

pub(crate) struct DropsValue(pub(crate) Drops);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DropObject {
    category: String,
    per_million: Whole<0, 1_000_000>,
}

impl<'de> Deserialize<'de> for DropsValue {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let drops = Vec::<Object<DropObject>>::deserialize(from)?;
        let drops = drops.into_iter().map(|Object(drop)| Drop {
            category: drop.category.into(),
            per_million: drop.per_million.0,
        });
        Drops::new(drops).map(Self).map_err(D::Error::custom)
    }
}
