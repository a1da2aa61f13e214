use std::sync::Arc;

use super::{Key, KeyError, KeyId};

/// The most keys of a ring. A change of keys needs two, one on top of an unfinished one
/// three; what a backend checks of a call grows with them.
pub const MAX_KEYS: usize = 8;

/// The keys in force: the first one signs, all of them verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRing(Arc<[Key]>);

/// Why keys are no ring.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// Not one key.
    #[error("there is no key")]
    Empty,
    /// More than [`MAX_KEYS`].
    #[error("there are {0} keys, at most {MAX_KEYS} are allowed")]
    TooMany(usize),
    /// The same key twice: one of them was meant to be another.
    #[error("key {second} is the same as key {first} (id {id})")]
    Duplicate {
        /// Which of them, counting from 1.
        first: usize,
        /// Which one it is the same as.
        second: usize,
        /// Its id.
        id: KeyId,
    },
}

/// A line of a text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {error}")]
pub struct KeyLineError {
    /// Counting from 1.
    pub line: usize,
    /// What is wrong with it.
    pub error: KeyError,
}

impl KeyRing {
    /// A ring of 1 to [`MAX_KEYS`] different keys.
    ///
    /// # Errors
    /// Says which of that does not hold.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Result<Self, KeyRingError> {
        let keys: Arc<[Key]> = keys.into_iter().collect();
        match keys.len() {
            0 => return Err(KeyRingError::Empty),
            1..=MAX_KEYS => {}
            many => return Err(KeyRingError::TooMany(many)),
        }
        for (at, key) in keys.iter().enumerate() {
            if let Some(earlier) = keys[..at].iter().position(|other| other == key) {
                return Err(KeyRingError::Duplicate {
                    first: earlier + 1,
                    second: at + 1,
                    id: key.id(),
                });
            }
        }
        Ok(Self(keys))
    }

    /// The keys, the signing one first; never none.
    pub fn keys(&self) -> &[Key] {
        &self.0
    }

    /// The key that signs.
    pub fn signing(&self) -> &Key {
        &self.0[0]
    }
}

impl From<Key> for KeyRing {
    fn from(key: Key) -> Self {
        Self(Arc::new([key]))
    }
}

/// Reads keys as text: one a line, in base64; empty lines and those that begin with `#`
/// do not count.
///
/// # Errors
/// Names the first line that is no key.
pub fn parse_keys(text: &str) -> Result<Vec<Key>, KeyLineError> {
    let lines = text.lines().map(str::trim).zip(1..);
    lines
        .filter(|(line, _)| !line.is_empty() && !line.starts_with('#'))
        .map(|(text, line)| text.parse().map_err(|error| KeyLineError { line, error }))
        .collect()
}

#[cfg(test)]
mod tests;
