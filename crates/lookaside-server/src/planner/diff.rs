use std::{collections::BTreeMap, sync::Arc};

use lookaside_core::ServiceName;

use super::merge::merge;

/// Calls `changed` with the name of every service whose value is not the very same one in
/// both: snapshots share what did not change between them.
pub(crate) fn changed<T>(
    old: &BTreeMap<ServiceName, Arc<T>>,
    new: &BTreeMap<ServiceName, Arc<T>>,
    mut changed: impl FnMut(&ServiceName),
) {
    for pair in merge(old.iter(), new.iter(), |old, new| old.0.cmp(new.0)) {
        match pair {
            (Some((_, before)), Some((_, after))) if Arc::ptr_eq(before, after) => {}
            (_, Some((name, _))) | (Some((name, _)), None) => changed(name),
            (None, None) => {}
        }
    }
}

#[cfg(test)]
mod tests;
