//! What serde alone does not give: errors in the words of whoever wrote the value.

use std::{fmt, fmt::Display, marker::PhantomData, str::FromStr, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// A `T` written as an object or table. A derived struct alone would also take an
/// array of its fields in order.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with named fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy)]
pub(crate) struct Whole<const MIN: u32, const MAX: u32>(pub(crate) u32);

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WholeVisitor<const MIN: u32, const MAX: u32>;

        impl<const MIN: u32, const MAX: u32> Visitor<'_> for WholeVisitor<MIN, MAX> {
            type Value = Whole<MIN, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a whole number from {MIN} to {MAX}")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Whole<MIN, MAX>, E> {
                u32::try_from(number)
                    .ok()
                    .filter(|number| (MIN..=MAX).contains(number))
                    .map(Whole)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Whole<MIN, MAX>, E> {
                match u64::try_from(number) {
                    Ok(number) => self.visit_u64(number),
                    Err(_) => Err(E::invalid_value(
                        serde::de::Unexpected::Signed(number),
                        &self,
                    )),
                }
            }
        }

        deserializer.deserialize_u64(WholeVisitor::<MIN, MAX>)
    }
}

/// A text that `T` reads, with `T`'s own words where it cannot.
pub(crate) struct Text<T>(pub(crate) T);

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

/// The longest duration: clocks overflow on what people type for "for ever", and this is
/// as good.
const MAX_DURATION: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// Reads a duration as people write it everywhere in Lookaside: `10s`, `100ms`, `1m 30s`
/// or `0s`, up to 10 years.
///
/// # Errors
/// Says what was expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= MAX_DURATION => Ok(duration),
        Ok(_) => Err(format!("{text:?} is longer than 10 years")),
        Err(_) => Err(format!("{text:?} is no duration like 10s, 100ms or 0s")),
    }
}

/// A duration from `MIN` to `MAX` milliseconds, or zero if `ZERO` is true, as a text.
#[derive(Clone, Copy)]
pub(crate) struct Span<const MIN: u64, const MAX: u64, const ZERO: bool = false>(
    pub(crate) Duration,
);

impl<'de, const MIN: u64, const MAX: u64, const ZERO: bool> Deserialize<'de>
    for Span<MIN, MAX, ZERO>
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SpanVisitor<const MIN: u64, const MAX: u64, const ZERO: bool>;

        impl<const MIN: u64, const MAX: u64, const ZERO: bool> Visitor<'_> for SpanVisitor<MIN, MAX, ZERO> {
            type Value = Span<MIN, MAX, ZERO>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let text = |ms| humantime::format_duration(Duration::from_millis(ms));
                f.write_str("a duration ")?;
                if ZERO {
                    f.write_str("of \"0s\", or ")?;
                }
                write!(f, "from \"{}\" to \"{}\"", text(MIN), text(MAX))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                let duration = parse_duration(text).map_err(|error| {
                    E::custom(format_args!(
                        "{error}, expected {}",
                        &self as &dyn serde::de::Expected
                    ))
                })?;
                let allowed = Duration::from_millis(MIN)..=Duration::from_millis(MAX);
                if allowed.contains(&duration) || ZERO && duration.is_zero() {
                    Ok(Span(duration))
                } else {
                    Err(E::invalid_value(serde::de::Unexpected::Str(text), &self))
                }
            }
        }

        deserializer.deserialize_str(SpanVisitor::<MIN, MAX, ZERO>)
    }
}
