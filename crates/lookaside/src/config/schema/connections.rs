use std::time::Duration;

use serde::Deserialize;

use crate::config::values::{duration, positive};

/// How connections are accepted, and what their peers may do on them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Connections {
    #[serde(deserialize_with = "positive")]
    pub(crate) backlog: u32,
    pub(crate) reuse_port: bool,
    #[serde(deserialize_with = "duration")]
    pub(crate) hello: Duration,
    #[serde(deserialize_with = "duration")]
    pub(crate) idle: Duration,
    #[serde(deserialize_with = "duration")]
    pub(crate) keepalive: Duration,
    #[serde(deserialize_with = "duration")]
    pub(crate) keepalive_timeout: Duration,
    pub(crate) frames_per_second: u32,
    #[serde(deserialize_with = "positive")]
    pub(crate) max_headers: u32,
    #[serde(deserialize_with = "duration")]
    pub(crate) write_timeout: Duration,
    pub(crate) write_rate: u32,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            backlog: 4096,
            reuse_port: false,
            hello: Duration::from_secs(10),
            idle: Duration::from_secs(30 * 60),
            keepalive: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            frames_per_second: 10_000,
            max_headers: 16 * 1024,
            write_timeout: Duration::from_secs(30),
            write_rate: 64 * 1024,
        }
    }
}

impl Connections {
    /// What serves nobody.
    pub(super) fn check(&self) -> Result<(), String> {
        for (name, value) in [
            ("keepalive_timeout", self.keepalive_timeout),
            ("write_timeout", self.write_timeout),
        ] {
            if value.is_zero() {
                return Err(format!("connections.{name} is 0s, no client is that fast"));
            }
        }
        Ok(())
    }
}
