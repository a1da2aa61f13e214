use lookaside_core::HostPort;

use crate::TargetError;

/// `HOST:PORT` that can be connected to.
pub(super) fn host_port(text: &str) -> Result<HostPort, TargetError> {
    let parsed = text.parse().and_then(HostPort::dialable);
    parsed.map_err(TargetError::new)
}
