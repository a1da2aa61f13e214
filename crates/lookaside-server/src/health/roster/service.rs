use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use lookaside_core::{
    Ejection, Ejections, HealthCheck, ResolvedBackend, ServiceName, dialled, first_wait,
};
use tokio::time::Instant;

use super::book::{Book, Key};
use crate::{Target, health::Checked};

/// One service whose backends are checked.
#[derive(Debug)]
pub(super) struct CheckedService {
    name: ServiceName,
    check: Arc<HealthCheck>,
    /// Those that are followed, sorted by id.
    backends: Arc<[ResolvedBackend]>,
    /// Where the book has each address.
    slots: BTreeMap<Key, usize>,
    ejected: BTreeMap<Key, Arc<Ejection>>,
}

impl CheckedService {
    pub(super) fn new(name: ServiceName, checked: &Checked) -> Self {
        Self {
            name,
            check: Arc::new(checked.check.clone()),
            backends: Arc::new([]),
            slots: BTreeMap::new(),
            ejected: BTreeMap::new(),
        }
    }

    /// Takes over check and backends; says whether that ended an ejection.
    pub(super) fn follow(
        &mut self,
        checked: &Checked,
        book: &mut Book,
        now: Instant,
        rng: &mut fastrand::Rng,
    ) -> bool {
        let mut ended = false;
        if *self.check != checked.check {
            let asks_the_same = self.check.probe == checked.check.probe;
            self.check = Arc::new(checked.check.clone());
            if asks_the_same {
                for slot in self.slots.values() {
                    let due = now + first_wait(self.check.interval, rng);
                    book.set_check(*slot, Arc::clone(&self.check), due);
                }
            } else {
                // What was found out answers another question.
                ended = self.clear(book);
                self.backends = Arc::new([]);
            }
        }
        let before = std::mem::replace(&mut self.backends, Arc::clone(&checked.backends));
        difference(&before, &checked.backends, |old, new| {
            let addresses = |of: Option<&ResolvedBackend>| {
                of.map(|(_, resolved)| dialled(resolved))
                    .unwrap_or_default()
            };
            let (before, after) = (addresses(old), addresses(new));
            if let Some((backend, _)) = old {
                for addr in before.iter().filter(|addr| !after.contains(addr)) {
                    let key = (backend.id.clone(), *addr);
                    ended |= self.ejected.remove(&key).is_some();
                    if let Some(slot) = self.slots.remove(&key) {
                        book.remove(slot);
                    }
                }
            }
            if let Some((backend, _)) = new {
                for addr in &after {
                    let key = (backend.id.clone(), *addr);
                    let target = Target::new(backend, *addr);
                    if let Some(slot) = self.slots.get(&key) {
                        // Registered again, maybe by another name.
                        book.set_target(*slot, target);
                        continue;
                    }
                    let due = now + first_wait(self.check.interval, rng);
                    let slot = book.add(
                        self.name.clone(),
                        key.clone(),
                        target,
                        Arc::clone(&self.check),
                        due,
                    );
                    self.slots.insert(key, slot);
                }
            }
        });
        ended
    }

    /// Lets go of everything; says whether anything was ejected.
    pub(super) fn forget(mut self, book: &mut Book) -> bool {
        self.clear(book)
    }

    fn clear(&mut self, book: &mut Book) -> bool {
        for slot in std::mem::take(&mut self.slots).into_values() {
            book.remove(slot);
        }
        !std::mem::take(&mut self.ejected).is_empty()
    }

    pub(super) fn eject(&mut self, key: Key, reason: Arc<str>, since: SystemTime) {
        let ejection = Ejection {
            backend: key.0.clone(),
            addr: key.1,
            reason,
            since,
        };
        self.ejected.insert(key, Arc::new(ejection));
    }

    pub(super) fn readmit(&mut self, key: &Key) {
        self.ejected.remove(key);
    }

    pub(super) fn ejected(&self) -> usize {
        self.ejected.len()
    }

    pub(super) fn ejections(&self) -> Ejections {
        self.ejected.values().cloned().collect()
    }
}

/// Calls `differs` with each backend that is not the very same in both, sorted by id as
/// both are: as it was, and as it is.
fn difference<'a>(
    before: &'a [ResolvedBackend],
    after: &'a [ResolvedBackend],
    mut differs: impl FnMut(Option<&'a ResolvedBackend>, Option<&'a ResolvedBackend>),
) {
    let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            // Ids are not compared one by one: their text lies all over the memory.
            (Some(old), Some(new)) if Arc::ptr_eq(&old.0, &new.0) => std::cmp::Ordering::Equal,
            (Some(old), Some(new)) => old.0.id.cmp(&new.0.id),
        };
        let before = old.next_if(|_| order.is_le());
        let after = new.next_if(|_| order.is_ge());
        match (before, after) {
            (Some(one), Some(other)) if Arc::ptr_eq(&one.1, &other.1) => {}
            _ => differs(before, after),
        }
    }
}
