use lookaside_core::{AddressError, HostPort};

use crate::Address;

/// Why a file is no list of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {source}")]
pub(super) struct LineError {
    line: usize,
    source: AddressError,
}

/// One address per line, `HOST:PORT` or `unix:PATH`. What follows a `#` does not count.
pub(super) fn parse(text: &str) -> Result<Vec<Address>, LineError> {
    let mut addresses = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let content = line.split_once('#').map_or(line, |(content, _)| content);
        let content = content.trim();
        if content.is_empty() {
            continue;
        }
        if let Some(path) = content.strip_prefix("unix:") {
            addresses.push(Address::unix(path));
            continue;
        }
        let host = content.parse().and_then(HostPort::dialable);
        let line = index + 1;
        let host = host.map_err(|source| LineError { line, source })?;
        addresses.push(Address::from_host(&host));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests;
