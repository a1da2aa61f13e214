use std::{cmp::Ordering, sync::Arc};

use crate::Backend;

/// One backend that is not the same in two states of a service.
#[derive(Clone, Debug)]
pub(super) enum Difference {
    Left(Arc<Backend>),
    Joined(Arc<Backend>),
    Changed(Arc<Backend>, Arc<Backend>),
}

/// What differs between two lists of backends, both sorted by id. Nearly all backends are
/// the very same in both and cost a comparison of pointers.
pub(super) fn differences(old: &[Arc<Backend>], new: &[Arc<Backend>]) -> Vec<Difference> {
    let mut found = Vec::new();
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return found,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(before), Some(after)) if Arc::ptr_eq(before, after) => Ordering::Equal,
            (Some(before), Some(after)) => before.id.cmp(&after.id),
        };
        let before = old.next_if(|_| order.is_le());
        let after = new.next_if(|_| order.is_ge());
        match (before, after) {
            (Some(before), Some(after)) if Arc::ptr_eq(before, after) => {}
            (Some(before), Some(after)) => {
                found.push(Difference::Changed(Arc::clone(before), Arc::clone(after)));
            }
            (Some(before), None) => found.push(Difference::Left(Arc::clone(before))),
            (None, Some(after)) => found.push(Difference::Joined(Arc::clone(after))),
            (None, None) => return found,
        }
    }
}
