use std::sync::Arc;

use lookaside_core::{
    Override, OverrideNote, OverrideTarget, Problem, ServiceName, ServiceOverrides,
};
use lookaside_registry::{
    parse_override, problem,
    reflector::{KeyValue, Layout},
};

use super::rest;

/// Overrides at `<prefix><service>/<kind>[/<id>]`; see [`OverrideTarget::key`].
#[derive(Debug)]
pub(crate) struct OverrideKeys {
    pub(crate) prefix: Arc<str>,
}

/// One key of a service.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    Override(Override, OverrideNote),
    Problem(Problem),
}

impl OverrideKeys {
    fn target(&self, key: &[u8]) -> Result<(ServiceName, OverrideTarget), Arc<str>> {
        OverrideTarget::parse_key(rest(&self.prefix, key)?)
            .map_err(|error| error.to_string().into())
    }
}

impl Layout for OverrideKeys {
    type Entry = Entry;
    type Service = ServiceOverrides;

    fn service(&self, key: &[u8]) -> Result<ServiceName, Arc<str>> {
        self.target(key).map(|(service, _)| service)
    }

    fn entry(&self, it: &KeyValue, _before: Option<&Entry>) -> Entry {
        let key = String::from_utf8_lossy(&it.key);
        let read = self.target(&it.key).and_then(|(_, target)| {
            parse_override(target, &it.value).map_err(|error| error.to_string().into())
        });
        match read {
            Ok((value, note)) => Entry::Override(
                value,
                OverrideNote {
                    key: key.into(),
                    revision: it.mod_revision,
                    ..note
                },
            ),
            // Not the last good one: it is an order of its own, and may be long over.
            Err(reason) => Entry::Problem(problem(key, it.mod_revision, reason)),
        }
    }

    fn assemble<'a>(&self, entries: impl Iterator<Item = &'a Entry>) -> ServiceOverrides {
        let (mut overrides, mut problems) = (Vec::new(), Vec::new());
        for entry in entries {
            match entry.clone() {
                Entry::Override(value, note) => overrides.push((value, note)),
                Entry::Problem(problem) => problems.push(problem),
            }
        }
        ServiceOverrides::new(overrides, problems)
    }
}

#[cfg(test)]
mod tests;
