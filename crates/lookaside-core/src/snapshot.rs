use std::{collections::BTreeMap, sync::Arc};

use crate::{Backend, ServiceName, Settings};

/// A revision of the registry; grows with every change of it.
pub type Revision = i64;

/// One consistent state of all backends, at one revision.
///
/// Services are shared between snapshots: a service whose `Arc` is the same in two
/// snapshots did not change between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// What the registry's revision was.
    pub revision: Revision,
    /// Every service that has a key, readable or not.
    pub services: BTreeMap<ServiceName, Arc<Service>>,
    /// Keys of which not even the service could be read.
    pub problems: Arc<[Problem]>,
}

/// The backends of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Sorted by id, each id once.
    pub backends: Vec<Arc<Backend>>,
    /// Keys of this service that could not be read, sorted by key.
    pub problems: Vec<Problem>,
}

/// One consistent state of all settings, at a revision of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsSnapshot {
    /// What the registry's revision was.
    pub revision: Revision,
    /// Every service that has a settings key.
    pub services: BTreeMap<ServiceName, Arc<ServiceSettings>>,
    /// Keys of which not even the service could be read.
    pub problems: Arc<[Problem]>,
}

/// The settings of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceSettings {
    /// What is in force: the last object that could be read whole.
    pub settings: Settings,
    /// Why the newest object is not in force, if it is not.
    pub problem: Option<Problem>,
}

/// Something in the registry that could not be read, and was skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key it stands under.
    pub key: Arc<str>,
    /// What is wrong and what was expected.
    pub reason: Arc<str>,
    /// When it was written.
    pub revision: Revision,
}
