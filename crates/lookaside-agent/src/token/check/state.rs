use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use http::HeaderMap;
use lookaside_core::{BackendId, KeyId, KeyRing, ServiceName, TokenVerdict, TokenVerifier};
use lookaside_proto::LB_TOKEN_HEADER;

use super::MAX_TOKENS;

/// What a change of keys replaces, as a whole.
#[derive(Debug)]
pub(super) struct State {
    verifier: TokenVerifier,
    /// Calls by key, in the ring's order. A key that stays keeps its counter.
    by_key: Box<[(KeyId, Arc<AtomicU64>)]>,
}

impl State {
    pub(super) fn new(keys: Option<KeyRing>, own: &[(ServiceName, BackendId)]) -> Self {
        Self::make(keys, own, &[])
    }

    pub(super) fn with_keys(
        &self,
        keys: Option<KeyRing>,
        own: &[(ServiceName, BackendId)],
    ) -> Self {
        Self::make(keys, own, &self.by_key)
    }

    fn make(
        keys: Option<KeyRing>,
        own: &[(ServiceName, BackendId)],
        before: &[(KeyId, Arc<AtomicU64>)],
    ) -> Self {
        let ring = keys.as_ref().map_or(&[][..], KeyRing::keys);
        let counter = |id: KeyId| {
            let known = before.iter().find(|(known, _)| *known == id);
            known.map_or_else(Arc::default, |(_, counter)| Arc::clone(counter))
        };
        Self {
            by_key: ring
                .iter()
                .map(|key| (key.id(), counter(key.id())))
                .collect(),
            verifier: TokenVerifier::new(keys, own.iter().map(|(service, id)| (service, id))),
        }
    }

    pub(super) fn keys(&self) -> Option<&KeyRing> {
        self.verifier.keys()
    }

    /// One valid token makes a call valid; else the first one counts.
    pub(super) fn verdict(&self, headers: &HeaderMap) -> Option<TokenVerdict> {
        let mut first = None;
        for token in tokens(headers).take(MAX_TOKENS) {
            let verdict = self.verifier.verify(token);
            if !matches!(verdict, TokenVerdict::Invalid(_)) {
                return Some(verdict);
            }
            first.get_or_insert(verdict);
        }
        first
    }

    pub(super) fn count_key(&self, key: usize) {
        if let Some((_, counter)) = self.by_key.get(key) {
            counter.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn counts(&self) -> Vec<(KeyId, u64)> {
        let by_key = self.by_key.iter();
        by_key.map(|(id, n)| (*id, n.load(Relaxed))).collect()
    }
}

/// All tokens of a call. An intermediary may have joined several headers into one (RFC 9110,
/// section 5.3). An empty one is a bad one: a header that says nothing must not pass for none.
fn tokens(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(LB_TOKEN_HEADER).iter();
    values
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        // Blanks may surround an element of a list (RFC 9110, section 5.6.1).
        .map(<[u8]>::trim_ascii)
}
