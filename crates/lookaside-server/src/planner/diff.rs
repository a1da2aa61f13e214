use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

use lookaside_core::ServiceName;

/// Calls `changed` with the name of every service whose value is not the very same one in
/// both: snapshots share what did not change between them.
pub(crate) fn changed<T>(
    old: &BTreeMap<ServiceName, Arc<T>>,
    new: &BTreeMap<ServiceName, Arc<T>>,
    mut changed: impl FnMut(&ServiceName),
) {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        // The one that is ahead in the order is missing on the other side.
        let before = old.next_if(|_| order.is_le());
        let after = new.next_if(|_| order.is_ge());
        match (before, after) {
            (Some((_, before)), Some((_, after))) if Arc::ptr_eq(before, after) => {}
            (_, Some((name, _))) | (Some((name, _)), None) => changed(name),
            (None, None) => return,
        }
    }
}

#[cfg(test)]
mod tests;
