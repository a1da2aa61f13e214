use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use lookaside_core::{Problem, Revision, ServiceName};

use super::{Event, KeyValue, Layout, Reflected};
use crate::problem;

/// What the keys under the prefix say, by service and key.
#[derive(Debug)]
pub(super) struct Store<L: Layout> {
    layout: L,
    keys: Keys<L>,
    /// The services as last assembled, as they are handed out.
    services: BTreeMap<ServiceName, Arc<L::Service>>,
    problems: Arc<[Problem]>,
    /// What has changed since then.
    touched: BTreeSet<ServiceName>,
    touched_strays: bool,
}

/// Read keys, not yet assembled.
#[derive(Debug)]
pub(super) struct Keys<L: Layout> {
    services: BTreeMap<ServiceName, BTreeMap<Vec<u8>, L::Entry>>,
    /// Keys of no service.
    strays: BTreeMap<Vec<u8>, Problem>,
}

impl<L: Layout> Default for Keys<L> {
    fn default() -> Self {
        Self {
            services: BTreeMap::new(),
            strays: BTreeMap::new(),
        }
    }
}

impl<L: Layout> Keys<L> {
    fn put(&mut self, read: Read<L>, key: Vec<u8>) {
        match read {
            Read::Entry(service, entry) => {
                self.services.entry(service).or_default().insert(key, entry);
            }
            Read::Stray(problem) => {
                self.strays.insert(key, problem);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.services.values().map(BTreeMap::len).sum::<usize>() + self.strays.len()
    }
}

/// One key, read.
enum Read<L: Layout> {
    Entry(ServiceName, L::Entry),
    Stray(Problem),
}

impl<L: Layout> Store<L> {
    pub(super) fn new(layout: L) -> Self {
        Self {
            layout,
            keys: Keys::default(),
            services: BTreeMap::new(),
            problems: Arc::default(),
            touched: BTreeSet::new(),
            touched_strays: false,
        }
    }

    /// Everything, as of `revision`. What changed is put together here and not with
    /// every change: a service of thousands of backends may change a thousand times
    /// between two looks.
    pub(super) fn reflected(&mut self, revision: Revision) -> Reflected<L::Service> {
        for service in std::mem::take(&mut self.touched) {
            self.assemble(service);
        }
        if std::mem::take(&mut self.touched_strays) {
            self.problems = self.keys.strays.values().cloned().collect();
        }
        Reflected {
            revision,
            services: self.services.clone(),
            problems: Arc::clone(&self.problems),
        }
    }

    fn read(&self, key_value: &KeyValue) -> Read<L> {
        match self.layout.service(&key_value.key) {
            Ok(service) => {
                let before = self
                    .keys
                    .services
                    .get(&service)
                    .and_then(|entries| entries.get(&key_value.key));
                let mut entry = self.layout.entry(key_value, before);
                // What did not change keeps its identity (the `Arc`s inside).
                if let Some(before) = before
                    && *before == entry
                {
                    entry = before.clone();
                }
                Read::Entry(service, entry)
            }
            Err(reason) => Read::Stray(problem(
                String::from_utf8_lossy(&key_value.key),
                key_value.mod_revision,
                reason,
            )),
        }
    }

    /// Applies events of whole revisions, in their order.
    pub(super) fn apply(&mut self, events: impl Iterator<Item = Event>) {
        for event in events {
            match event {
                Event::Put(key_value) => {
                    let read = self.read(&key_value);
                    match &read {
                        Read::Entry(service, _) => self.touch(service),
                        Read::Stray(_) => self.touched_strays = true,
                    }
                    self.keys.put(read, key_value.key);
                }
                Event::Delete { key, .. } => match self.layout.service(&key) {
                    Ok(service) => {
                        if let Some(entries) = self.keys.services.get_mut(&service) {
                            entries.remove(&key);
                        }
                        self.touch(&service);
                    }
                    Err(_) => self.touched_strays |= self.keys.strays.remove(&key).is_some(),
                },
            }
        }
    }

    fn touch(&mut self, service: &ServiceName) {
        if !self.touched.contains(service) {
            self.touched.insert(service.clone());
        }
    }

    /// Reads a page of a list into `listed`, beside what is in force.
    pub(super) fn read_page(&self, listed: &mut Keys<L>, page: Vec<KeyValue>) {
        for key_value in page {
            listed.put(self.read(&key_value), key_value.key);
        }
    }

    /// Puts a complete list in force. What it does not change stays the same `Arc`.
    pub(super) fn replace(&mut self, listed: Keys<L>) {
        let before = std::mem::replace(&mut self.keys, listed);
        let gone = before
            .services
            .into_iter()
            .filter_map(|(service, entries)| {
                let same = self.keys.services.get(&service) == Some(&entries);
                (!same).then_some(service)
            });
        self.touched.extend(gone);
        let new = self.keys.services.keys();
        let new = new.filter(|service| !self.services.contains_key(*service));
        self.touched.extend(new.cloned());
        self.touched_strays |= before.strays != self.keys.strays;
    }

    fn assemble(&mut self, service: ServiceName) {
        let Some(entries) = self
            .keys
            .services
            .get(&service)
            .filter(|entries| !entries.is_empty())
        else {
            self.keys.services.remove(&service);
            self.services.remove(&service);
            return;
        };
        let assembled = self.layout.assemble(entries.values());
        match self.services.get_mut(&service) {
            Some(before) if **before == assembled => {}
            Some(before) => *before = Arc::new(assembled),
            None => _ = self.services.insert(service, Arc::new(assembled)),
        }
    }
}
