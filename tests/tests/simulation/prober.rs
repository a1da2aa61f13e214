//! How a balancer asks backends over the network in memory.

use std::{fmt, io::ErrorKind, time::Duration};

use async_trait::async_trait;
use lookaside_core::Probe;
use lookaside_server::{ProbeError, Prober, Stage, Target};
use tokio::time;

use crate::net::{Dialer, Net};

/// Connects, and that is all.
pub struct NetProber(Dialer);

impl NetProber {
    pub fn new(net: &Net, from: String) -> Self {
        Self(net.dialer(from))
    }
}

impl fmt::Debug for NetProber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NetProber")
    }
}

#[async_trait]
impl Prober for NetProber {
    async fn probe(&self, target: &Target, _: &Probe, timeout: Duration) -> Result<(), ProbeError> {
        match time::timeout(timeout, self.0.open(target.addr())).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => {
                Err(ProbeError::Refused)
            }
            Ok(Err(error)) => Err(ProbeError::Connect(error.to_string().into())),
            Err(_) => Err(ProbeError::Timeout {
                stage: Stage::Connect,
                after: timeout,
            }),
        }
    }
}
