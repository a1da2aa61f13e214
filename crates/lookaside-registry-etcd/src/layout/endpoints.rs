use std::sync::Arc;

use lookaside_core::{Backend, BackendId, NameError, Problem, Service, ServiceName};
use lookaside_registry::{
    problem,
    reflector::{KeyValue, Layout},
};

use super::{rest, value};

/// Backends at `<prefix><service>/<id>`: the id is the last segment, the service may
/// have several.
#[derive(Debug)]
pub(crate) struct Endpoints {
    pub(crate) prefix: Arc<str>,
}

/// One key of a service.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    Backend(Arc<Backend>),
    Problem(Problem),
}

/// The key of a backend.
pub(crate) fn key_of(prefix: &str, service: &ServiceName, id: &BackendId) -> String {
    format!("{prefix}{service}/{id}")
}

/// Which backend stands under a key, if its name is one.
pub(crate) fn name_of(prefix: &str, key: &[u8]) -> Option<(ServiceName, BackendId)> {
    let (service, id) = rest(prefix, key).ok()?.rsplit_once('/')?;
    Some((ServiceName::new(service).ok()?, BackendId::new(id).ok()?))
}

impl Endpoints {
    fn backend(&self, it: &KeyValue) -> Result<Backend, Arc<str>> {
        let key = rest(&self.prefix, &it.key)?;
        let (_, id) = key.rsplit_once('/').unwrap_or_default();
        let id = BackendId::new(id).map_err(|error: NameError| error.to_string())?;
        let value = value::decode(&it.value).map_err(|error| error.to_string())?;
        Ok(Backend {
            id,
            address: value.address,
            weight: value.weight,
            zone: value.zone,
            state: value.state,
            key: format!("{}{key}", self.prefix).into(),
            revision: it.mod_revision,
        })
    }
}

impl Layout for Endpoints {
    type Entry = Entry;
    type Service = Service;

    fn service(&self, key: &[u8]) -> Result<ServiceName, Arc<str>> {
        let (service, _) = rest(&self.prefix, key)?
            .rsplit_once('/')
            .ok_or_else(|| format!("the key is not {}SERVICE/ID", self.prefix))?;
        ServiceName::new(service).map_err(|error| error.to_string().into())
    }

    fn entry(&self, it: &KeyValue, _before: Option<&Entry>) -> Entry {
        match self.backend(it) {
            Ok(backend) => Entry::Backend(Arc::new(backend)),
            Err(reason) => {
                let key = String::from_utf8_lossy(&it.key);
                Entry::Problem(problem(key, it.mod_revision, reason))
            }
        }
    }

    fn assemble<'a>(&self, entries: impl Iterator<Item = &'a Entry>) -> Service {
        let mut service = Service::default();
        // Keys of one service differ in the id only: sorted by key is sorted by id.
        for entry in entries {
            match entry {
                Entry::Backend(backend) => service.backends.push(Arc::clone(backend)),
                Entry::Problem(problem) => service.problems.push(problem.clone()),
            }
        }
        service
    }
}

#[cfg(test)]
mod tests;
