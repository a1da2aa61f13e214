use std::{collections::HashMap, time::Duration};

#[cfg(feature = "retry")]
use std::sync::Arc;

#[cfg(feature = "retry")]
use super::RetryPolicy;

/// What a service config says of some methods.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MethodConfig {
    /// The longest a call may take, if it does not set itself a shorter time.
    pub(crate) timeout: Option<Duration>,
    /// For calls that do not say.
    pub(crate) wait_for_ready: Option<bool>,
    /// In bytes, as sent.
    pub(crate) max_request: Option<u64>,
    /// In bytes, as sent.
    pub(crate) max_response: Option<u64>,
    #[cfg(feature = "retry")]
    pub(crate) retry: Option<Arc<RetryPolicy>>,
}

/// Finds what is said of a method. A look allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct MethodTable {
    configs: Vec<MethodConfig>,
    /// Indices of `configs`, by `/service/method` and, for all methods of a service, by
    /// `/service/`.
    by_path: HashMap<Box<str>, usize>,
    default: Option<usize>,
}

/// Something has a configuration already.
#[derive(Debug)]
pub(super) struct Taken;

impl MethodTable {
    /// Adds a configuration, without a name.
    pub(super) fn add(&mut self, config: MethodConfig) {
        self.configs.push(config);
    }

    /// Names the configuration that was added last: for a method, or for all of a service,
    /// or for all.
    pub(super) fn name(&mut self, service: &str, method: &str) -> Result<(), Taken> {
        let index = self.configs.len().saturating_sub(1);
        let before = if service.is_empty() {
            self.default.replace(index)
        } else {
            let path = format!("/{service}/{method}");
            self.by_path.insert(path.into(), index)
        };
        before.map_or(Ok(()), |_| Err(Taken))
    }

    /// What is said of the method at `path`: of it, or else of its service, or else of all.
    pub(crate) fn find(&self, path: &str) -> Option<&MethodConfig> {
        let index = self.index(path).or(self.default)?;
        self.configs.get(index)
    }

    fn index(&self, path: &str) -> Option<usize> {
        if self.by_path.is_empty() {
            return None;
        }
        let service = || self.by_path.get(&path[..=path.rfind('/')?]);
        self.by_path.get(path).or_else(service).copied()
    }
}

#[cfg(test)]
mod tests;
