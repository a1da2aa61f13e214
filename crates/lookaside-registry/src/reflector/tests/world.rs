//! A model of etcd, and the true state at each of its revisions.

use std::{collections::BTreeMap, sync::Arc};

use lookaside_core::{Revision, ServiceName};

use crate::reflector::{
    Canceled, Event, Failure, FailureKind, Header, KeyValue, Layout, Page, PageRequest, Reflected,
    WatchResponse,
};

/// `p/<service>/<id>`; a value is its own meaning.
#[derive(Debug)]
pub(super) struct Plain;

pub(super) type Entry = (Vec<u8>, Vec<u8>, Revision);

impl Layout for Plain {
    type Entry = Entry;
    type Service = Vec<Entry>;

    fn service(&self, key: &[u8]) -> Result<ServiceName, Arc<str>> {
        let key = std::str::from_utf8(key).map_err(|e| e.to_string())?;
        let (service, _) = key
            .strip_prefix("p/")
            .and_then(|rest| rest.split_once('/'))
            .ok_or("no service")?;
        ServiceName::new(service).map_err(|e| e.to_string().into())
    }

    fn entry(&self, it: &KeyValue, _before: Option<&Entry>) -> Entry {
        (it.key.clone(), it.value.clone(), it.mod_revision)
    }

    fn assemble<'a>(&self, entries: impl Iterator<Item = &'a Entry>) -> Vec<Entry> {
        entries.cloned().collect()
    }
}

pub(super) type Change = (&'static str, Option<u8>);

/// The keys that tests write: two services, and one key of none.
pub(super) const KEYS: [&str; 6] = ["p/a/1", "p/a/2", "p/a/3", "p/b/1", "p/b/2", "p/stray"];

#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) cluster: u64,
    pub(super) term: u64,
    /// The lowest and the highest term that a restore has led to.
    terms: (u64, u64),
    /// The transaction of revision 2 and so on: an empty store has revision 1.
    transactions: Vec<Vec<Change>>,
    pub(super) compacted: Revision,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            cluster: 7,
            term: 1_000_000,
            terms: (1_000_000, 1_000_000),
            transactions: Vec::new(),
            compacted: 0,
        }
    }

    pub(super) fn revision(&self) -> Revision {
        self.transactions.len() as Revision + 1
    }

    pub(super) fn header(&self) -> Header {
        Header {
            cluster: self.cluster,
            term: self.term,
            revision: self.revision(),
        }
    }

    /// A revision of this prefix; without changes, of another one.
    pub(super) fn write(&mut self, mut changes: Vec<Change>) {
        changes.sort_by_key(|(key, _)| *key);
        changes.dedup_by_key(|(key, _)| *key);
        let before = self.at(self.revision());
        changes.retain(|(key, value)| value.is_some() || before.contains_key(key.as_bytes()));
        self.transactions.push(changes);
    }

    /// Restored from a backup of an earlier revision, in a raft term that no history
    /// before had. (With the same term, and a revision that has overtaken the applied
    /// one unseen within seconds, it could not be told from the old store.)
    pub(super) fn restore(&mut self, lost: usize, same_identity: bool) {
        self.restore_in_the_same_term(lost);
        // Elections add up to far less than 1,000.
        let (lowest, highest) = &mut self.terms;
        *highest = self.term.max(*highest);
        self.term = if lost.is_multiple_of(2) {
            *highest += 1_000;
            *highest
        } else {
            *lowest -= 1_000;
            *lowest
        };
        if !same_identity {
            self.cluster += 1;
        }
    }

    /// Restored from a backup, with as many elections before it as after.
    pub(super) fn restore_in_the_same_term(&mut self, lost: usize) {
        let kept = self.transactions.len().saturating_sub(lost);
        self.transactions.truncate(kept);
        self.compacted = self.compacted.min(self.revision());
    }

    pub(super) fn at(&self, revision: Revision) -> BTreeMap<Vec<u8>, (u8, Revision)> {
        let mut keys = BTreeMap::new();
        for (n, transaction) in self.transactions.iter().enumerate() {
            let this = n as Revision + 2;
            if this > revision {
                break;
            }
            for (key, value) in transaction {
                match value {
                    Some(value) => _ = keys.insert(key.as_bytes().to_vec(), (*value, this)),
                    None => _ = keys.remove(key.as_bytes()),
                }
            }
        }
        keys
    }

    /// Whether this is exactly the state at its revision.
    pub(super) fn confirms(&self, state: &Reflected<Vec<Entry>>) -> bool {
        let mut expected: BTreeMap<ServiceName, Vec<Entry>> = BTreeMap::new();
        let mut strays = Vec::new();
        for (key, (value, revision)) in self.at(state.revision) {
            match Plain.service(&key) {
                Ok(service) => {
                    expected
                        .entry(service)
                        .or_default()
                        .push((key, vec![value], revision))
                }
                Err(_) => strays.push(revision),
            }
        }
        state.revision <= self.revision()
            && state.services.len() == expected.len()
            && state
                .services
                .iter()
                .all(|(name, it)| expected.get(name) == Some(it))
            && state.problems.iter().map(|it| it.revision).eq(strays)
    }

    pub(super) fn page(&self, request: &PageRequest, limit: usize) -> Result<Page, Failure> {
        let revision = request.revision.unwrap_or_else(|| self.revision());
        if revision < self.compacted || revision > self.revision() {
            return Err(Failure {
                kind: FailureKind::Revision,
                reason: "compacted".into(),
            });
        }
        let all = self.at(revision);
        let mut rest = all
            .into_iter()
            .filter(|(key, _)| request.after.as_ref().is_none_or(|after| key > after));
        let keys = rest
            .by_ref()
            .take(limit.min(request.limit as usize))
            .map(|(key, (value, mod_revision))| KeyValue {
                key,
                value: vec![value],
                mod_revision,
            })
            .collect();
        Ok(Page {
            header: self.header(),
            keys,
            more: rest.next().is_some(),
        })
    }

    /// The events of `revisions` revisions after `sent`, and what is sent then.
    pub(super) fn batch(&self, sent: Revision, revisions: usize) -> (WatchResponse, Revision) {
        let until = (sent + revisions as Revision).min(self.revision());
        let mut events = Vec::new();
        for revision in (sent + 1)..=until {
            let Some(transaction) = self.transactions.get((revision - 2).max(0) as usize) else {
                continue;
            };
            events.extend(transaction.iter().map(|(key, value)| match value {
                Some(value) => Event::Put(KeyValue {
                    key: key.as_bytes().to_vec(),
                    value: vec![*value],
                    mod_revision: revision,
                }),
                None => Event::Delete {
                    key: key.as_bytes().to_vec(),
                    mod_revision: revision,
                },
            }));
        }
        (self.response(events), until)
    }

    pub(super) fn response(&self, events: Vec<Event>) -> WatchResponse {
        WatchResponse {
            header: self.header(),
            created: false,
            canceled: None,
            events,
        }
    }

    pub(super) fn created(&self) -> WatchResponse {
        WatchResponse {
            created: true,
            ..self.response(Vec::new())
        }
    }

    pub(super) fn compacted_away(&self) -> WatchResponse {
        WatchResponse {
            canceled: Some(Canceled {
                reason: "".into(),
                compact_revision: self.compacted,
            }),
            ..self.response(Vec::new())
        }
    }
}
