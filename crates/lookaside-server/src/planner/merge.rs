use std::{cmp::Ordering, iter};

/// Walks two sequences of the same order side by side: what is equal comes as a pair, and
/// what is on one side alone without the other. Each is without repetitions.
pub(super) fn merge<T>(
    old: impl Iterator<Item = T>,
    new: impl Iterator<Item = T>,
    compare: impl Fn(&T, &T) -> Ordering,
) -> impl Iterator<Item = (Option<T>, Option<T>)> {
    let (mut old, mut new) = (old.peekable(), new.peekable());
    iter::from_fn(move || {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => compare(old, new),
        };
        // The one that is ahead in the order is missing on the other side.
        let before = old.next_if(|_| order.is_le());
        let after = new.next_if(|_| order.is_ge());
        Some((before, after))
    })
}
