use std::{borrow::Borrow, fmt, sync::Arc};

/// The longest service name or backend id, in bytes: the protocol's limit for a
/// requested name ("less than 256 bytes").
pub const MAX_NAME_BYTES: usize = 255;

/// As in access rules.
const ALL: &str = "**";

/// Why a text is no service name or backend id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing there.
    #[error("{what} is empty")]
    Empty {
        /// "service name" or "backend id".
        what: &'static str,
    },
    /// Longer than [`MAX_NAME_BYTES`].
    #[error("{what} has {len} bytes, at most {MAX_NAME_BYTES} are allowed")]
    TooLong {
        /// "service name" or "backend id".
        what: &'static str,
        /// How long it is.
        len: usize,
    },
    /// White space or a control character, which no key, header or terminal takes
    /// well.
    #[error("{what} {name:?} contains white space or a control character")]
    Unprintable {
        /// "service name" or "backend id".
        what: &'static str,
        /// The text.
        name: String,
    },
    /// A leading, trailing or doubled slash, or a slash in an id.
    #[error("{what} {name:?} has a slash where none is allowed")]
    Slash {
        /// "service name" or "backend id".
        what: &'static str,
        /// The text.
        name: String,
    },
}

/// The name that clients ask for, as in `orders`. May contain `/` between segments.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(Arc<str>);

impl ServiceName {
    /// Checks a name: 1 to [`MAX_NAME_BYTES`] bytes, no white space or control
    /// characters, no empty segment between slashes.
    ///
    /// # Errors
    /// Says which of these does not hold.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check("service name", name)?;
        if name.split('/').any(str::is_empty) {
            return Err(NameError::Slash {
                what: "service name",
                name: name.to_owned(),
            });
        }
        Ok(Self(name.into()))
    }

    /// What stands in a service's place in the key of an order for all services.
    pub fn all() -> Self {
        Self(ALL.into())
    }

    /// Whether it is [`ServiceName::all`].
    pub fn is_all(&self) -> bool {
        &*self.0 == ALL
    }

    /// The services that a client may mean by `requested`, the likeliest first: as it
    /// is, without a trailing dot, without a `:port`, without both. C-core sends
    /// `host:port`, Go what was dialled.
    ///
    /// # Errors
    /// As [`ServiceName::new`], for the name without port and dot.
    pub fn candidates(requested: &str) -> Result<Vec<Self>, NameError> {
        if requested.len() > MAX_NAME_BYTES {
            return Err(NameError::TooLong {
                what: "service name",
                len: requested.len(),
            });
        }
        let without_port = strip_port(requested);
        let mut names = Vec::with_capacity(4);
        for name in [requested, strip_dot(requested), without_port] {
            if let Ok(name) = Self::new(name)
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        // The bare name last: what an unknown service is called in errors.
        let bare = Self::new(strip_dot(without_port))?;
        names.retain(|name| *name != bare);
        names.push(bare);
        Ok(names)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn strip_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

fn strip_port(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => name,
    }
}

/// Names one backend within its service: the last segment of its key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendId(Arc<str>);

impl BackendId {
    /// Checks an id: as a service name, but without any slash.
    ///
    /// # Errors
    /// Says which rule does not hold.
    pub fn new(id: &str) -> Result<Self, NameError> {
        check("backend id", id)?;
        if id.contains('/') {
            return Err(NameError::Slash {
                what: "backend id",
                name: id.to_owned(),
            });
        }
        Ok(Self(id.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(what: &'static str, name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty { what });
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(NameError::TooLong {
            what,
            len: name.len(),
        });
    }
    if name.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(NameError::Unprintable {
            what,
            name: name.to_owned(),
        });
    }
    Ok(())
}

macro_rules! text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }
    };
}
text!(ServiceName);
text!(BackendId);

#[cfg(test)]
mod tests;
