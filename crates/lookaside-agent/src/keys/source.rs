use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use super::KeySourceError;

/// Where keys are: `file:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySource(PathBuf);

impl KeySource {
    /// A file with keys.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn into_path(self) -> PathBuf {
        self.0
    }
}

impl FromStr for KeySource {
    type Err = KeySourceError;

    fn from_str(text: &str) -> Result<Self, KeySourceError> {
        // Whoever writes the key itself here must not find it in a log.
        let path = text.strip_prefix("file:").ok_or(KeySourceError::Kind)?;
        // file:///etc/x names an absolute path, like file:/etc/x.
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() {
            return Err(KeySourceError::NoPath);
        }
        Ok(Self::file(path))
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file:{}", self.0.display())
    }
}

#[cfg(test)]
mod tests;
