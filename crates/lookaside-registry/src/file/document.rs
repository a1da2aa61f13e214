use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::Range,
    str::FromStr,
    sync::Arc,
};

use lookaside_core::{
    AddressError, Backend, BackendId, BackendState, DEFAULT_WEIGHT, HostPort, ServiceName, Settings,
};
use serde::Deserialize;
use toml::Spanned;

use super::{FileError, error::Position};
use crate::{
    RegistrationError,
    object::{Object, Text, Whole},
    registration::check_zone,
    settings::{
        DropsValue, HealthValue, HoldDown, MaxSlots, OnEmptyValue, ReportInterval, SettingsKeys,
    },
};

/// What a registry file says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) services: BTreeMap<ServiceName, Listed>,
}

/// What it says of one service.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// Each id once, sorted; the revision is whoever takes them over to set.
    pub(super) backends: Vec<Backend>,
    /// `None` where it has none of the keys that make some.
    pub(super) settings: Option<Settings>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileObject {
    services: Option<Vec<Object<ServiceObject>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceObject {
    name: Spanned<Text<ServiceName>>,
    // The keys of `SettingsKeys`: flattened, they would lose their place in the file.
    drops: Option<DropsValue>,
    fallback: Option<bool>,
    on_empty: Option<OnEmptyValue>,
    max_slots: Option<MaxSlots>,
    report_interval: Option<ReportInterval>,
    hold_down: Option<HoldDown>,
    health: Option<HealthValue>,
    #[serde(default)]
    backends: Vec<Object<BackendObject>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BackendObject {
    id: Option<Spanned<Text<BackendId>>>,
    address: Spanned<Text<Dialable>>,
    weight: Option<Whole<0, { u32::MAX }>>,
    zone: Option<Text<Zone>>,
    #[serde(default)]
    state: State,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    #[default]
    Serving,
    Draining,
}

struct Dialable(HostPort);

impl FromStr for Dialable {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        text.parse::<HostPort>()?.dialable().map(Self)
    }
}

struct Zone(Arc<str>);

impl FromStr for Zone {
    type Err = RegistrationError;
    fn from_str(text: &str) -> Result<Self, RegistrationError> {
        check_zone(text).map(|()| Self(text.into()))
    }
}

impl Document {
    /// Reads a file's content.
    pub(super) fn parse(content: &[u8]) -> Result<Self, FileError> {
        let text = str::from_utf8(content).map_err(|_| FileError::Encoding)?;
        let wrong = |span: Option<Range<usize>>, what: String| FileError::Wrong {
            at: span.map(|span| Position::of(text, &span)),
            what,
        };
        let toml = toml::Deserializer::parse(text)
            .map_err(|error| wrong(error.span(), error.message().to_owned()))?;
        let file: FileObject = serde_path_to_error::deserialize(toml).map_err(|error| {
            // What toml calls the inside of a `Spanned` is no key of the file.
            let path = error.path().to_string();
            let path = path.replace(".$__serde_spanned_private_value", "");
            let what = format!("{path}: {}", error.inner().message());
            wrong(error.inner().span(), what)
        })?;
        let mut services = BTreeMap::new();
        for Object(service) in file.services.ok_or(FileError::NoServices)? {
            let span = service.name.span();
            let name = service.name.get_ref().0.clone();
            let listed = service
                .list()
                .map_err(|(span, what)| wrong(Some(span), what))?;
            match services.entry(name) {
                Entry::Vacant(free) => free.insert(listed),
                Entry::Occupied(taken) => {
                    let what = format!("service {} occurs twice", taken.key());
                    return Err(wrong(Some(span), what));
                }
            };
        }
        Ok(Self { services })
    }
}

impl ServiceObject {
    fn list(self) -> Result<Listed, (Range<usize>, String)> {
        let service = self.name.into_inner().0;
        let mut backends = BTreeMap::new();
        for Object(backend) in self.backends {
            let span = match &backend.id {
                Some(id) => id.span(),
                None => backend.address.span(),
            };
            let backend = backend.build(&service)?;
            match backends.entry(backend.id.clone()) {
                Entry::Vacant(free) => free.insert(backend),
                Entry::Occupied(taken) => {
                    let what = format!("backend {} of service {service} occurs twice", taken.key());
                    return Err((span, what));
                }
            };
        }
        let keys = SettingsKeys {
            drops: self.drops,
            fallback: self.fallback,
            on_empty: self.on_empty,
            max_slots: self.max_slots,
            report_interval: self.report_interval,
            hold_down: self.hold_down,
            health: self.health,
        };
        Ok(Listed {
            backends: backends.into_values().collect(),
            settings: (!keys.is_empty()).then(|| keys.settings()),
        })
    }
}

impl BackendObject {
    fn build(self, service: &ServiceName) -> Result<Backend, (Range<usize>, String)> {
        let span = self.address.span();
        let address = self.address.into_inner().0.0;
        let id = match self.id {
            Some(id) => id.into_inner().0,
            None => BackendId::new(&address.to_string())
                .map_err(|error| (span, format!("{error}: give the backend an id")))?,
        };
        Ok(Backend {
            key: format!("{service}/{id}").into(),
            id,
            address,
            weight: self.weight.map_or(DEFAULT_WEIGHT, |weight| weight.0),
            zone: self.zone.map(|zone| zone.0.0),
            state: match self.state {
                State::Serving => BackendState::Serving,
                State::Draining => BackendState::Draining,
            },
            revision: 0,
        })
    }
}

#[cfg(test)]
mod tests;
