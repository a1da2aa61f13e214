use std::{fmt, str::FromStr};

/// One thing that a peer may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Ask for a service's lists.
    Balance,
    /// Record backends of a service, and keep or end what it recorded.
    Register,
    /// See what the balancer knows of a service.
    Inspect,
    /// Change what the balancer does with a service.
    Control,
}

/// No permission has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no permission; expected balance, register, inspect or control")]
pub struct UnknownPermission(String);

impl Permission {
    const ALL: [Self; 4] = [Self::Balance, Self::Register, Self::Inspect, Self::Control];

    /// As rules name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Balance => "balance",
            Self::Register => "register",
            Self::Inspect => "inspect",
            Self::Control => "control",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        Self::ALL
            .into_iter()
            .find(|permission| permission.as_str() == text)
            .ok_or_else(|| UnknownPermission(text.to_owned()))
    }
}

/// Some of the permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions(u8);

impl Permissions {
    /// Whether this one is among them.
    pub fn contains(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        let bits = permissions.into_iter().map(Permission::bit);
        Self(bits.fold(0, |all, bit| all | bit))
    }
}
