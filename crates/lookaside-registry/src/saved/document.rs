//! What is in a file of saved state, and how it is written: JSON behind a header line.

mod backends;
mod overrides;
mod registrations;
mod settings;
mod suspects;

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use lookaside_core::{OverridesSnapshot, Problem, ServiceName, SettingsSnapshot, Snapshot};
use serde::{Deserialize, Serialize};

use self::{
    backends::BackendsShape, overrides::OverridesShape, registrations::RegistrationShape,
    settings::SettingsSnapshotShape, suspects::SuspectsShape,
};
use super::{
    Origin, clock,
    envelope::{Damage, seal, unseal},
};
use crate::{Held, LastSuspect};

/// What a registry said at some time.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedState {
    /// Which registry.
    pub origin: Origin,
    /// When it was last known to be as it is here; in milliseconds, in this era.
    pub as_of: SystemTime,
    /// What it said.
    pub contents: Contents,
}

/// What a registry said.
#[derive(Clone, Debug, PartialEq)]
pub struct Contents {
    /// The backends.
    pub backends: SavedBackends,
    /// The settings.
    pub settings: Arc<SettingsSnapshot>,
    /// Operators' overrides.
    pub overrides: Arc<OverridesSnapshot>,
    /// Backends that were gone from it, and held by the balancer.
    pub suspects: BTreeMap<ServiceName, Vec<LastSuspect>>,
}

/// Where the backends are registered.
#[derive(Clone, Debug, PartialEq)]
pub enum SavedBackends {
    /// Elsewhere: what was read there.
    Followed(Arc<Snapshot>),
    /// In this process's own memory: the live registrations with their handles.
    Held(Vec<Held>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    registry: Origin,
    as_of: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    backends: Option<BackendsShape>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    registrations: Option<Vec<RegistrationShape>>,
    settings: SettingsSnapshotShape,
    overrides: OverridesShape,
    #[serde(default, skip_serializing_if = "SuspectsShape::is_empty")]
    suspects: SuspectsShape,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProblemShape {
    key: String,
    reason: String,
    revision: i64,
}

/// The file of a state.
///
/// # Errors
/// Only what no registry says: a text that is no JSON.
pub fn encode(state: &SavedState) -> Result<Vec<u8>, serde_json::Error> {
    let contents = &state.contents;
    let (backends, registrations) = match &contents.backends {
        SavedBackends::Followed(backends) => (Some(&**backends), None),
        SavedBackends::Held(registrations) => (None, Some(registrations)),
    };
    let body = Body {
        registry: state.origin.clone(),
        as_of: clock::written(state.as_of),
        backends: backends.map(BackendsShape::from),
        registrations: registrations.map(|held| held.iter().map(RegistrationShape::from).collect()),
        settings: SettingsSnapshotShape::try_from(&*contents.settings)?,
        overrides: OverridesShape::try_from(&*contents.overrides)?,
        suspects: SuspectsShape::from(&contents.suspects),
    };
    Ok(seal(&serde_json::to_vec(&body)?))
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// Anything that is not byte by byte what was written, and says what is wrong.
pub fn decode(file: &[u8]) -> Result<SavedState, Damage> {
    decode_body(unseal(file)?).map_err(Damage::Content)
}

fn decode_body(body: &[u8]) -> Result<SavedState, String> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let body: Body =
        serde_path_to_error::deserialize(&mut json).map_err(|error| error.to_string())?;
    json.end().map_err(|error| error.to_string())?;
    let backends = match (body.backends, body.registrations) {
        (Some(backends), None) => SavedBackends::Followed(Arc::new(Snapshot::try_from(backends)?)),
        (None, Some(registrations)) => SavedBackends::Held(
            registrations
                .into_iter()
                .map(Held::try_from)
                .collect::<Result<_, _>>()?,
        ),
        _ => return Err("expected either backends or registrations".to_owned()),
    };
    Ok(SavedState {
        origin: body.registry,
        as_of: clock::read(&body.as_of).map_err(|error| format!("as_of: {error}"))?,
        contents: Contents {
            backends,
            settings: Arc::new(SettingsSnapshot::try_from(body.settings)?),
            overrides: Arc::new(OverridesSnapshot::try_from(body.overrides)?),
            suspects: body.suspects.read()?,
        },
    })
}

impl From<&Problem> for ProblemShape {
    fn from(problem: &Problem) -> Self {
        Self {
            key: problem.key.to_string(),
            reason: problem.reason.to_string(),
            revision: problem.revision,
        }
    }
}

impl From<ProblemShape> for Problem {
    fn from(shape: ProblemShape) -> Self {
        Self {
            key: shape.key.into(),
            reason: shape.reason.into(),
            revision: shape.revision,
        }
    }
}

fn problem_shapes(problems: &[Problem]) -> Vec<ProblemShape> {
    problems.iter().map(ProblemShape::from).collect()
}

fn problems<C: FromIterator<Problem>>(shapes: Vec<ProblemShape>) -> C {
    shapes.into_iter().map(Problem::from).collect()
}

#[cfg(test)]
mod tests;
