use std::{collections::BTreeMap, sync::Arc};

use lookaside_core::{Problem, ServiceName, ServiceSettings, SettingsSnapshot};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ProblemShape, problem_shapes, problems};
use crate::{settings::reread_settings, settings_json};

/// A [`SettingsSnapshot`] as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SettingsSnapshotShape {
    revision: i64,
    services: BTreeMap<String, ServiceSettingsShape>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemShape>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceSettingsShape {
    /// As an operator writes it.
    settings: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    problem: Option<ProblemShape>,
}

impl TryFrom<&SettingsSnapshot> for SettingsSnapshotShape {
    type Error = serde_json::Error;

    fn try_from(snapshot: &SettingsSnapshot) -> Result<Self, serde_json::Error> {
        let mut services = BTreeMap::new();
        for (name, service) in &snapshot.services {
            let shape = ServiceSettingsShape {
                settings: serde_json::from_str(&settings_json(&service.settings))?,
                problem: service.problem.as_ref().map(ProblemShape::from),
            };
            services.insert(name.to_string(), shape);
        }
        Ok(Self {
            revision: snapshot.revision,
            services,
            problems: problem_shapes(&snapshot.problems),
        })
    }
}

impl TryFrom<SettingsSnapshotShape> for SettingsSnapshot {
    type Error = String;

    fn try_from(shape: SettingsSnapshotShape) -> Result<Self, String> {
        let mut services = BTreeMap::new();
        for (name, service) in shape.services {
            let name = ServiceName::new(&name).map_err(|error| error.to_string())?;
            let settings = reread_settings(service.settings.to_string().as_bytes())
                .map_err(|error| format!("settings of {name}: {error}"))?;
            let problem = service.problem.map(Problem::from);
            services.insert(name, Arc::new(ServiceSettings { settings, problem }));
        }
        Ok(Self {
            revision: shape.revision,
            services,
            problems: problems(shape.problems),
        })
    }
}
