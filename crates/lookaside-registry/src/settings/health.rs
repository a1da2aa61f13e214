use std::{num::NonZeroU32, sync::Arc, time::Duration};

use lookaside_core::{HealthCheck, Probe};
use serde::{Deserialize, Deserializer, de::Error};

use super::present;
use crate::object::{Object, Span, Text, Whole};

/// The longest service name that a health check asks for: as long as a name of ours.
const MAX_SERVICE_BYTES: usize = 255;

/// An hour, in milliseconds.
const HOUR: u64 = 60 * 60 * 1000;

/// The longest a probe may take, in milliseconds: a silent address holds one of the
/// balancer's few probes for so long.
const MAX_TIMEOUT: u64 = 10_000;

/// `{"type":"grpc","service":"orders","interval":"5s","timeout":"1s"}`
pub(crate) struct HealthValue(HealthCheck);

impl From<HealthValue> for HealthCheck {
    fn from(value: HealthValue) -> Self {
        value.0
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HealthObject {
    r#type: Kind,
    #[serde(default, deserialize_with = "present")]
    service: Option<Text<ServiceText>>,
    #[serde(default, deserialize_with = "present")]
    tls: Option<bool>,
    /// Below that, a probe would still be under way when the next is due.
    #[serde(default, deserialize_with = "present")]
    interval: Option<Span<100, HOUR>>,
    #[serde(default, deserialize_with = "present")]
    timeout: Option<Span<10, MAX_TIMEOUT>>,
    #[serde(default, deserialize_with = "present")]
    eject_after: Option<Whole<1, 100>>,
    #[serde(default, deserialize_with = "present")]
    return_after: Option<Whole<1, 100>>,
    #[serde(default, deserialize_with = "present")]
    dwell: Option<Span<0, HOUR>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Tcp,
    Grpc,
}

struct ServiceText(Arc<str>);

impl std::str::FromStr for ServiceText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > MAX_SERVICE_BYTES || text.chars().any(char::is_control) {
            return Err(format!(
                "expected a service name of up to {MAX_SERVICE_BYTES} bytes without control characters"
            ));
        }
        Ok(Self(text.into()))
    }
}

impl<'de> Deserialize<'de> for HealthValue {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Object(object) = Object::<HealthObject>::deserialize(from)?;
        object.check().map(Self).map_err(D::Error::custom)
    }
}

impl HealthObject {
    fn check(self) -> Result<HealthCheck, String> {
        let probe = match self.r#type {
            Kind::Tcp if self.service.is_some() => {
                return Err("service is for type \"grpc\", and this is \"tcp\"".to_owned());
            }
            Kind::Tcp if self.tls.is_some() => {
                return Err("tls is for type \"grpc\", and this is \"tcp\"".to_owned());
            }
            Kind::Tcp => Probe::Tcp,
            Kind::Grpc => Probe::Grpc {
                service: self.service.map_or_else(|| "".into(), |it| it.0.0),
                tls: self.tls.unwrap_or_default(),
            },
        };
        let mut check = HealthCheck::new(probe);
        let span = |set: Option<Duration>, default| set.unwrap_or(default);
        check.interval = span(self.interval.map(|it| it.0), check.interval);
        // Who asks for short intervals alone wants timeouts that go with them.
        check.timeout = span(
            self.timeout.map(|it| it.0),
            check.timeout.min(check.interval),
        );
        if check.timeout > check.interval {
            return Err(format!(
                "timeout ({}) is longer than interval ({})",
                humantime::format_duration(check.timeout),
                humantime::format_duration(check.interval),
            ));
        }
        check.dwell = span(self.dwell.map(|it| it.0), check.dwell);
        let times = |set: Option<Whole<1, 100>>, default| {
            set.and_then(|it| NonZeroU32::new(it.0)).unwrap_or(default)
        };
        check.eject_after = times(self.eject_after, check.eject_after);
        check.return_after = times(self.return_after, check.return_after);
        Ok(check)
    }
}
