use std::{collections::BTreeMap, sync::Arc};

use lookaside_core::{
    Override, OverrideNote, OverrideTarget, OverridesSnapshot, ServiceName, ServiceOverrides,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ProblemShape, problem_shapes, problems};
use crate::{override_json, overrides::reread_override};

/// An [`OverridesSnapshot`] as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OverridesShape {
    revision: i64,
    services: BTreeMap<String, ServiceOverridesShape>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemShape>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceOverridesShape {
    overrides: Vec<OverrideShape>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemShape>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OverrideShape {
    /// What it is about, as in keys: `orders/drain/a`.
    target: String,
    /// As an operator writes it.
    value: Value,
    key: String,
    revision: i64,
}

impl TryFrom<&OverridesSnapshot> for OverridesShape {
    type Error = serde_json::Error;

    fn try_from(snapshot: &OverridesSnapshot) -> Result<Self, serde_json::Error> {
        let mut services = BTreeMap::new();
        for (name, service) in &snapshot.services {
            let overrides = service.iter();
            let shape = ServiceOverridesShape {
                overrides: overrides
                    .map(|(value, note)| override_shape(name, &value, note))
                    .collect::<Result<_, _>>()?,
                problems: problem_shapes(&service.problems),
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

fn override_shape(
    service: &ServiceName,
    value: &Override,
    note: &OverrideNote,
) -> Result<OverrideShape, serde_json::Error> {
    Ok(OverrideShape {
        target: value.target().key(service),
        value: serde_json::from_str(&override_json(value, note))?,
        key: note.key.to_string(),
        revision: note.revision,
    })
}

impl TryFrom<OverridesShape> for OverridesSnapshot {
    type Error = String;

    fn try_from(shape: OverridesShape) -> Result<Self, String> {
        let mut services = BTreeMap::new();
        for (name, service) in shape.services {
            let name = ServiceName::new(&name).map_err(|error| error.to_string())?;
            let overrides: Vec<_> = service
                .overrides
                .into_iter()
                .map(|shape| read(&name, shape))
                .collect::<Result<_, _>>()?;
            let service = ServiceOverrides::new(overrides, problems(service.problems));
            services.insert(name, Arc::new(service));
        }
        Ok(Self {
            revision: shape.revision,
            services,
            problems: problems(shape.problems),
        })
    }
}

fn read(service: &ServiceName, shape: OverrideShape) -> Result<(Override, OverrideNote), String> {
    let wrong = |reason: &dyn std::fmt::Display| format!("override {:?}: {reason}", shape.target);
    let (of, target) = OverrideTarget::parse_key(&shape.target).map_err(|error| wrong(&error))?;
    if of != *service {
        return Err(wrong(&format!("is not of service {service}")));
    }
    let value = shape.value.to_string();
    let (value, note) = reread_override(target, value.as_bytes()).map_err(|error| wrong(&error))?;
    let note = OverrideNote {
        key: shape.key.into(),
        revision: shape.revision,
        ..note
    };
    Ok((value, note))
}
