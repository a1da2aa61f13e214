use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

/// Which registry a state is of, without credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// As in `etcd://10.0.0.1:2379,10.0.0.2:2379`.
    pub url: String,
    /// What of it is read, by name, as in `prefix` and `services/`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scope: BTreeMap<String, String>,
}

impl Origin {
    /// A registry of which everything is read.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            scope: BTreeMap::new(),
        }
    }

    /// Says what of it is read.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.scope.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Whether both are the same registry, read alike. One with several members remains
    /// what it is when some of them are replaced.
    pub fn is_same(&self, other: &Self) -> bool {
        self.scope == other.scope
            && (self.url == other.url
                || match (members(&self.url), members(&other.url)) {
                    (Some((kind, one)), Some((other_kind, two))) => {
                        kind == other_kind && !one.is_disjoint(&two)
                    }
                    _ => false,
                })
    }
}

/// `KIND://MEMBER[,MEMBER...]`
fn members(url: &str) -> Option<(&str, BTreeSet<&str>)> {
    let (kind, members) = url.split_once("://")?;
    Some((kind, members.split(',').collect()))
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)?;
        for (at, (name, value)) in self.scope.iter().enumerate() {
            let separator = if at == 0 { " (" } else { ", " };
            write!(f, "{separator}{name} {value}")?;
        }
        if self.scope.is_empty() {
            Ok(())
        } else {
            f.write_str(")")
        }
    }
}

#[cfg(test)]
mod tests;
