/// Why no TLS can be made of what was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {reason}")]
#[non_exhaustive]
pub struct ClientTlsError {
    /// `CA`, `certificate`, `key`, `certificate and key`, or `system CAs`; with the path,
    /// where it came from a file.
    pub what: String,
    /// What was found.
    pub reason: String,
}

impl ClientTlsError {
    pub(crate) fn new(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            reason: reason.into(),
        }
    }
}
