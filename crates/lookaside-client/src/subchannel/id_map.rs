use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasherDefault, Hasher},
};

use super::SubchannelId;

/// A map by subchannels, of which a new list asks several times for each of its entries.
pub(crate) type IdMap<V> = HashMap<SubchannelId, V, BuildHasherDefault<IdHasher>>;

/// The same without values.
pub(crate) type IdSet = HashSet<SubchannelId, BuildHasherDefault<IdHasher>>;

/// One multiplication. Enough for numbers that this crate gives in turn: no peer chooses
/// them, so that none can have them collide.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        // Odd, so that the low bits stay distinct, and with bits everywhere, so that the high
        // ones, which the table looks at too, are mixed (2^64 over the golden ratio).
        self.0 = id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests;
