use std::{collections::BTreeMap, sync::Arc};

use lookaside_core::{Backend, BackendState, HostPort, Service, ServiceName, Snapshot};
use serde::{Deserialize, Serialize};

use super::{ProblemShape, problem_shapes, problems};

/// A [`Snapshot`] as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BackendsShape {
    revision: i64,
    services: BTreeMap<String, ServiceShape>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemShape>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceShape {
    backends: Vec<BackendShape>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemShape>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BackendShape {
    id: String,
    address: String,
    weight: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    state: StateShape,
    key: String,
    revision: i64,
}

/// A [`BackendState`] as it is written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum StateShape {
    Serving,
    Draining,
}

impl From<&Snapshot> for BackendsShape {
    fn from(snapshot: &Snapshot) -> Self {
        let services = snapshot.services.iter();
        Self {
            revision: snapshot.revision,
            services: services
                .map(|(name, service)| (name.to_string(), ServiceShape::from(&**service)))
                .collect(),
            problems: problem_shapes(&snapshot.problems),
        }
    }
}

impl TryFrom<BackendsShape> for Snapshot {
    type Error = String;

    fn try_from(shape: BackendsShape) -> Result<Self, String> {
        let mut services = BTreeMap::new();
        for (name, service) in shape.services {
            let name = ServiceName::new(&name).map_err(|error| error.to_string())?;
            let service =
                Service::try_from(service).map_err(|reason| format!("service {name}: {reason}"))?;
            services.insert(name, Arc::new(service));
        }
        Ok(Self {
            revision: shape.revision,
            services,
            problems: problems(shape.problems),
        })
    }
}

impl From<&Service> for ServiceShape {
    fn from(service: &Service) -> Self {
        let backends = service.backends.iter();
        Self {
            backends: backends.map(|it| BackendShape::from(&**it)).collect(),
            problems: problem_shapes(&service.problems),
        }
    }
}

impl TryFrom<ServiceShape> for Service {
    type Error = String;

    fn try_from(shape: ServiceShape) -> Result<Self, String> {
        let backends: Vec<_> = shape
            .backends
            .into_iter()
            .map(|backend| Backend::try_from(backend).map(Arc::new))
            .collect::<Result<_, _>>()?;
        // What the planner and the diff rely on.
        if !backends.is_sorted_by(|one, next| one.id < next.id) {
            return Err("the backends are not sorted by id, each once".to_owned());
        }
        Ok(Self {
            backends,
            problems: problems(shape.problems),
        })
    }
}

impl From<&Backend> for BackendShape {
    fn from(backend: &Backend) -> Self {
        Self {
            id: backend.id.to_string(),
            address: backend.address.to_string(),
            weight: backend.weight,
            zone: backend.zone.as_deref().map(str::to_owned),
            state: backend.state.into(),
            key: backend.key.to_string(),
            revision: backend.revision,
        }
    }
}

impl TryFrom<BackendShape> for Backend {
    type Error = String;

    fn try_from(shape: BackendShape) -> Result<Self, String> {
        let id = shape.id.parse().map_err(|error| format!("{error}"))?;
        let address: HostPort = shape.address.parse().map_err(|error| format!("{error}"))?;
        Ok(Self {
            id,
            address: address.dialable().map_err(|error| error.to_string())?,
            weight: shape.weight,
            zone: shape.zone.map(Arc::from),
            state: shape.state.into(),
            key: shape.key.into(),
            revision: shape.revision,
        })
    }
}

impl From<BackendState> for StateShape {
    fn from(state: BackendState) -> Self {
        match state {
            BackendState::Serving => Self::Serving,
            BackendState::Draining => Self::Draining,
        }
    }
}

impl From<StateShape> for BackendState {
    fn from(shape: StateShape) -> Self {
        match shape {
            StateShape::Serving => Self::Serving,
            StateShape::Draining => Self::Draining,
        }
    }
}
