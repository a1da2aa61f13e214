use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use lookaside_core::{KeyId, TokenFault, TokenVerdict};

/// How many calls came with what, since the check was built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenCounts {
    /// With a token that a key of the ring signed.
    pub valid: u64,
    /// These by key, in the ring's order; for keys that left the ring the counts are gone.
    /// A key whose count stands still can be taken out.
    pub valid_by_key: Vec<(KeyId, u64)>,
    /// With a token that names this backend, while there are no keys.
    pub unverified: u64,
    /// With something that is no backend's token.
    pub malformed: u64,
    /// With another backend's token.
    pub foreign: u64,
    /// With an unsigned token, while there are keys.
    pub unsigned: u64,
    /// With a signature of no key in the ring: forged, or the key is no longer there, or
    /// not yet.
    pub unknown_key: u64,
    /// Without a token.
    pub missing: u64,
    /// To services that are exempt, whatever their token.
    pub exempt: u64,
    /// Refused; these are counted under their reason too.
    pub refused: u64,
}

impl TokenCounts {
    /// Calls with an invalid token.
    pub fn invalid(&self) -> u64 {
        self.malformed + self.foreign + self.unsigned + self.unknown_key
    }
}

/// What [`TokenCounts`] is read from.
#[derive(Debug, Default)]
pub(super) struct Counters {
    valid: AtomicU64,
    unverified: AtomicU64,
    malformed: AtomicU64,
    foreign: AtomicU64,
    unsigned: AtomicU64,
    unknown_key: AtomicU64,
    missing: AtomicU64,
    exempt: AtomicU64,
    refused: AtomicU64,
}

impl Counters {
    pub(super) fn verdict(&self, verdict: Option<TokenVerdict>) {
        let counter = match verdict {
            None => &self.missing,
            Some(TokenVerdict::Valid { .. }) => &self.valid,
            Some(TokenVerdict::Unverified) => &self.unverified,
            Some(TokenVerdict::Invalid(fault)) => match fault {
                TokenFault::Malformed => &self.malformed,
                TokenFault::Foreign => &self.foreign,
                TokenFault::Unsigned => &self.unsigned,
                TokenFault::UnknownKey => &self.unknown_key,
            },
        };
        counter.fetch_add(1, Relaxed);
    }

    pub(super) fn exempt(&self) {
        self.exempt.fetch_add(1, Relaxed);
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(super) fn read(&self, valid_by_key: Vec<(KeyId, u64)>) -> TokenCounts {
        TokenCounts {
            valid: self.valid.load(Relaxed),
            valid_by_key,
            unverified: self.unverified.load(Relaxed),
            malformed: self.malformed.load(Relaxed),
            foreign: self.foreign.load(Relaxed),
            unsigned: self.unsigned.load(Relaxed),
            unknown_key: self.unknown_key.load(Relaxed),
            missing: self.missing.load(Relaxed),
            exempt: self.exempt.load(Relaxed),
            refused: self.refused.load(Relaxed),
        }
    }
}
