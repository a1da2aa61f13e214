use std::{fmt, path::PathBuf, sync::Arc};

use lookaside_core::{AddressError, HostPort};
use lookaside_registry::reflector::Timings;

/// The longest prefix, in bytes: a registration's handle holds its whole key.
pub const MAX_PREFIX_BYTES: usize = 255;

/// How to reach etcd, and what stands where in it.
#[derive(Clone)]
pub struct EtcdConfig {
    /// The client ports of the members, at least one.
    pub endpoints: Vec<HostPort>,
    /// Where backends stand. Default `services/`.
    pub prefix: Arc<str>,
    /// Where settings stand. Default `lookaside/config/`.
    pub config_prefix: Arc<str>,
    /// Where operators' overrides stand. Default `lookaside/overrides/`.
    pub override_prefix: Arc<str>,
    /// The user to authenticate as; needs `password`. Default none.
    pub user: Option<String>,
    /// The password of `user`.
    pub password: Option<String>,
    /// A PEM file with the certificates to trust. Setting it turns TLS on. Read again
    /// for every new connection, as are the other two.
    pub ca: Option<PathBuf>,
    /// A PEM file with the client's certificate chain; needs `ca` and `key`.
    pub cert: Option<PathBuf>,
    /// A PEM file with the private key of `cert`.
    pub key: Option<PathBuf>,
    /// How long to wait for what.
    pub timings: Timings,
}

/// What is wrong with an [`EtcdConfig`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A registry URL of another form.
    #[error("registry {0:?} is not etcd://HOST:PORT[,HOST:PORT...]")]
    Url(String),
    /// No member is named.
    #[error("endpoints: at least one HOST:PORT is needed")]
    NoEndpoints,
    /// A member's address.
    #[error("endpoints: {0}")]
    Endpoint(#[from] AddressError),
    /// A prefix without an end: keys of other prefixes would match.
    #[error("{field} {value:?} has to be 1 to {MAX_PREFIX_BYTES} bytes that end with '/'")]
    Prefix {
        /// Which one.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// One prefix within another: a key would mean two things.
    #[error("{outer} contains {inner}: the prefixes must be apart")]
    Overlap {
        /// The shorter one.
        outer: String,
        /// The one within it.
        inner: String,
    },
    /// A setting that another one needs.
    #[error("{field} needs {needs} to be set too")]
    Needs {
        /// What is set.
        field: &'static str,
        /// What is not.
        needs: &'static str,
    },
    /// A file that cannot be read.
    #[error("{field}: cannot read {}: {error}", .path.display())]
    File {
        /// Which setting names it.
        field: &'static str,
        /// Its path.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// Certificates or a key that do not parse or do not match.
    #[error("ca, cert or key: {0}")]
    Tls(String),
    /// This build has no TLS.
    #[error("ca: this build has no TLS (cargo feature `tls`)")]
    NoTls,
}

impl EtcdConfig {
    /// Defaults, for these members.
    pub fn new(endpoints: Vec<HostPort>) -> Self {
        Self {
            endpoints,
            prefix: "services/".into(),
            config_prefix: "lookaside/config/".into(),
            override_prefix: "lookaside/overrides/".into(),
            user: None,
            password: None,
            ca: None,
            cert: None,
            key: None,
            timings: Timings::default(),
        }
    }

    /// Defaults, for the members in a registry URL.
    ///
    /// ```
    /// # use lookaside_registry_etcd::EtcdConfig;
    /// let config = EtcdConfig::from_url("etcd://10.0.0.1:2379,10.0.0.2:2379")?;
    /// assert_eq!(config.endpoints.len(), 2);
    /// # Ok::<(), lookaside_registry_etcd::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::Url`] or [`ConfigError::Endpoint`].
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        let members = url
            .strip_prefix("etcd://")
            .map(|members| members.strip_suffix('/').unwrap_or(members))
            .filter(|members| !members.is_empty())
            .ok_or_else(|| ConfigError::Url(url.to_owned()))?;
        let endpoints = members
            .split(',')
            .map(|member| member.trim().parse::<HostPort>())
            .collect::<Result<_, AddressError>>()?;
        Ok(Self::new(endpoints))
    }

    /// For people; without credentials.
    pub fn url(&self) -> String {
        let members: Vec<String> = self.endpoints.iter().map(ToString::to_string).collect();
        format!("etcd://{}", members.join(","))
    }

    /// Checks everything that needs no etcd, the files included.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.endpoints.is_empty() {
            return Err(ConfigError::NoEndpoints);
        }
        for endpoint in &self.endpoints {
            endpoint.clone().dialable()?;
        }
        self.check_prefixes()?;
        for (field, set, needs, there) in [
            (
                "user",
                self.user.is_some(),
                "password",
                self.password.is_some(),
            ),
            (
                "password",
                self.password.is_some(),
                "user",
                self.user.is_some(),
            ),
            ("cert", self.cert.is_some(), "key", self.key.is_some()),
            ("key", self.key.is_some(), "cert", self.cert.is_some()),
            ("cert", self.cert.is_some(), "ca", self.ca.is_some()),
        ] {
            if set && !there {
                return Err(ConfigError::Needs { field, needs });
            }
        }
        if self.ca.is_some() && cfg!(not(feature = "tls")) {
            return Err(ConfigError::NoTls);
        }
        Ok(())
    }

    fn check_prefixes(&self) -> Result<(), ConfigError> {
        let prefixes = [
            ("prefix", &self.prefix),
            ("config_prefix", &self.config_prefix),
            ("override_prefix", &self.override_prefix),
        ];
        for (field, prefix) in prefixes {
            if !prefix.ends_with('/') || prefix.len() > MAX_PREFIX_BYTES {
                let value = prefix.to_string();
                return Err(ConfigError::Prefix { field, value });
            }
        }
        for (outer_field, outer) in prefixes {
            for (inner_field, inner) in prefixes {
                if outer_field != inner_field && inner.starts_with(&**outer) {
                    return Err(ConfigError::Overlap {
                        outer: format!("{outer_field} {outer:?}"),
                        inner: format!("{inner_field} {inner:?}"),
                    });
                }
            }
        }
        Ok(())
    }
}

// Without the password.
impl fmt::Debug for EtcdConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdConfig")
            .field("url", &self.url())
            .field("prefix", &self.prefix)
            .field("config_prefix", &self.config_prefix)
            .field("override_prefix", &self.override_prefix)
            .field("user", &self.user)
            .field("ca", &self.ca)
            .field("cert", &self.cert)
            .field("key", &self.key)
            .field("timings", &self.timings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
