use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use lookaside_core::{Backend, ServiceName};
use serde::{Deserialize, Serialize};

use super::{super::clock, backends::BackendShape};
use crate::LastSuspect;

/// Suspects by service, as they are written.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct SuspectsShape(BTreeMap<String, Vec<SuspectShape>>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SuspectShape {
    backend: BackendShape,
    addresses: Vec<SocketAddr>,
    since: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stood: Option<String>,
}

impl SuspectsShape {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn read(self) -> Result<BTreeMap<ServiceName, Vec<LastSuspect>>, String> {
        let services = self.0.into_iter().map(|(name, suspects)| {
            let name = ServiceName::new(&name).map_err(|error| error.to_string())?;
            let read = suspects.into_iter().map(LastSuspect::try_from);
            let read: Vec<_> = read
                .collect::<Result<_, _>>()
                .map_err(|reason| format!("suspects of service {name}: {reason}"))?;
            // What the planner relies on.
            if !read.is_sorted_by(|one, next| one.backend.id < next.backend.id) {
                return Err(format!(
                    "the suspects of service {name} are not sorted by id, each once"
                ));
            }
            Ok((name, read))
        });
        services.collect()
    }
}

impl From<&BTreeMap<ServiceName, Vec<LastSuspect>>> for SuspectsShape {
    fn from(suspects: &BTreeMap<ServiceName, Vec<LastSuspect>>) -> Self {
        let services = suspects.iter().map(|(name, suspects)| {
            let suspects = suspects.iter().map(|suspect| SuspectShape {
                backend: BackendShape::from(&*suspect.backend),
                addresses: suspect.addresses.clone(),
                since: clock::written(suspect.since),
                stood: (!suspect.stood.is_zero())
                    .then(|| humantime::format_duration(suspect.stood).to_string()),
            });
            (name.to_string(), suspects.collect())
        });
        Self(services.collect())
    }
}

impl TryFrom<SuspectShape> for LastSuspect {
    type Error = String;

    fn try_from(shape: SuspectShape) -> Result<Self, String> {
        let stood = shape.stood.as_deref().map(|text| {
            let read = humantime::parse_duration(text);
            read.map_err(|error| format!("stood {text:?}: {error}"))
        });
        Ok(Self {
            backend: Arc::new(Backend::try_from(shape.backend)?),
            addresses: shape.addresses,
            since: clock::read(&shape.since).map_err(|error| format!("since: {error}"))?,
            stood: stood.transpose()?.unwrap_or_default(),
        })
    }
}
