use std::{fmt, net::SocketAddr, sync::Arc};

use super::{Overridden, OverrideNote};
use crate::{AddressError, Backend, Host, MAX_NAME_BYTES};

/// Where a cordon holds, over all services.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Place {
    /// A machine: backends that are registered by this host, and addresses that names
    /// resolve to. Made by [`Place::host`].
    Host(Host),
    /// Backends that say they are in it. Made by [`Place::zone`].
    Zone(Arc<str>),
}

/// Why a text is no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// No host.
    #[error("expected an IP address or a host name, without a port: {0}")]
    Host(AddressError),
    /// No zone.
    #[error("a zone is 1 to {MAX_NAME_BYTES} bytes without control characters")]
    Zone,
    /// Only one way to write a place is looked for when it is to be no more.
    #[error("expected it to be written {0:?}")]
    Spelling(String),
}

impl Place {
    /// A machine, by its IP address (in brackets or not) or name, whatever the case.
    ///
    /// # Errors
    /// If it is neither.
    pub fn host(text: &str) -> Result<Self, PlaceError> {
        let host: Host = text.parse().map_err(PlaceError::Host)?;
        Ok(Self::Host(canonical(&host)))
    }

    /// A zone, as backends register it.
    ///
    /// # Errors
    /// If no backend can be in it.
    pub fn zone(text: &str) -> Result<Self, PlaceError> {
        let fits = (1..=MAX_NAME_BYTES).contains(&text.len());
        if fits && !text.chars().any(char::is_control) {
            Ok(Self::Zone(text.into()))
        } else {
            Err(PlaceError::Zone)
        }
    }

    /// `host` or `zone`.
    pub fn what(&self) -> &'static str {
        match self {
            Self::Host(_) => "host",
            Self::Zone(_) => "zone",
        }
    }

    /// Which.
    pub fn name(&self) -> String {
        match self {
            Self::Host(Host::Ip(ip)) => ip.to_string(),
            Self::Host(Host::Name(name)) => name.to_string(),
            Self::Zone(zone) => zone.to_string(),
        }
    }

    /// As it stands in a key: what a segment of one cannot have is written `%2F`.
    pub(super) fn segment(&self) -> String {
        let name = self.name();
        let mut segment = String::with_capacity(name.len());
        for c in name.chars() {
            match c {
                '/' | '%' => segment.push_str(&format!("%{:02X}", u32::from(c))),
                c if c.is_whitespace() => {
                    let mut bytes = [0; 4];
                    for byte in c.encode_utf8(&mut bytes).bytes() {
                        segment.push_str(&format!("%{byte:02X}"));
                    }
                }
                c => segment.push(c),
            }
        }
        segment
    }

    /// The inverse of [`Place::segment`], of a place of the same kind.
    pub(super) fn read(
        segment: &str,
        kind: fn(&str) -> Result<Self, PlaceError>,
    ) -> Result<Self, PlaceError> {
        let place = kind(&unescaped(segment).ok_or(PlaceError::Zone)?)?;
        match place.segment() {
            written if written == segment => Ok(place),
            written => Err(PlaceError::Spelling(written)),
        }
    }
}

impl fmt::Display for Place {
    /// `host 10.0.0.5`, `zone eu-1`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what(), self.name())
    }
}

fn unescaped(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        let digits = std::str::from_utf8(&digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// One spelling for each host: names have no case, and may end with a dot; an IPv4 address may
/// be written as IPv6.
fn canonical(host: &Host) -> Host {
    match host {
        Host::Ip(ip) => Host::Ip(ip.to_canonical()),
        Host::Name(name) => {
            let bare = name.strip_suffix('.').unwrap_or(name);
            let plain = bare.len() == name.len() && !bare.bytes().any(|b| b.is_ascii_uppercase());
            if plain {
                Host::Name(Arc::clone(name))
            } else {
                Host::Name(bare.to_ascii_lowercase().into())
            }
        }
    }
}

/// The cordons that stand, over all services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cordons(pub(super) std::collections::BTreeMap<Place, Overridden<()>>);

impl Cordons {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&Place, &Arc<OverrideNote>)> {
        self.0.iter().map(|(place, it)| (place, &it.note))
    }

    /// The cordon that a backend is under as it is registered: of its host, or of its zone.
    pub fn of(&self, backend: &Backend) -> Option<(Place, &Arc<OverrideNote>)> {
        let host = || Some(Place::Host(canonical(backend.address.host())));
        let zone = || backend.zone.clone().map(Place::Zone);
        self.find(host).or_else(|| self.find(zone))
    }

    /// The cordon that an address is under to which a name resolves.
    pub fn of_address(&self, address: SocketAddr) -> Option<(Place, &Arc<OverrideNote>)> {
        self.find(|| Some(Place::Host(Host::Ip(address.ip().to_canonical()))))
    }

    fn find(&self, place: impl FnOnce() -> Option<Place>) -> Option<(Place, &Arc<OverrideNote>)> {
        if self.0.is_empty() {
            return None;
        }
        let place = place()?;
        let found = self.0.get(&place)?;
        Some((place, &found.note))
    }
}

#[cfg(test)]
mod tests;
