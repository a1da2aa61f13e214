use std::{collections::BTreeMap, fmt, sync::Arc};

use lookaside_core::{Problem, Revision, ServiceName};

use super::KeyValue;

/// What the keys under one prefix mean.
pub trait Layout: fmt::Debug + Send + 'static {
    /// What one key says, readable or not.
    type Entry: Clone + PartialEq + fmt::Debug + Send;
    /// What all keys of a service say together.
    type Service: PartialEq + fmt::Debug + Send + Sync;

    /// The service that a key belongs to. A function of the key alone: a delete
    /// carries no value.
    ///
    /// # Errors
    /// Says why no service can be read from it.
    fn service(&self, key: &[u8]) -> Result<ServiceName, Arc<str>>;

    /// Reads one key of a service; `before` is what the same key said until now.
    fn entry(&self, key_value: &KeyValue, before: Option<&Self::Entry>) -> Self::Entry;

    /// Puts a service together from its entries, in the order of their keys, never
    /// none.
    fn assemble<'a>(&self, entries: impl Iterator<Item = &'a Self::Entry>) -> Self::Service;
}

/// One consistent state of all keys under a prefix.
#[derive(Clone, Debug)]
pub struct Reflected<S> {
    /// The newest revision that is in it.
    pub revision: Revision,
    /// Every service that has a key. One that did not change since the last state is
    /// the same `Arc`.
    pub services: BTreeMap<ServiceName, Arc<S>>,
    /// Keys that belong to no service, in their order.
    pub problems: Arc<[Problem]>,
}
