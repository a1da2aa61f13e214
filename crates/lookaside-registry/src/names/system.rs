mod dns;

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use hickory_resolver::{
    Hosts,
    proto::{
        op::Query,
        rr::{Name, RecordType},
    },
    system_conf::parse_resolv_conf,
};
use tokio::time::Instant;

use self::dns::Dns;
use super::{Answer, Lookup, LookupError};

/// How old what was read from the files may be: an edit is seen after so long, and
/// addresses from the hosts file are believed for so long.
const RELOAD: Duration = Duration::from_secs(5);

/// Looks names up as the system does: in `/etc/hosts`, and if they are not there, from
/// the name servers and with the search list of `/etc/resolv.conf`. Both files are read
/// again when they change.
///
/// `localhost` and what ends in it are never asked of a name server (RFC 6761).
#[derive(Debug)]
pub struct SystemLookup {
    files: Arc<Files>,
    read: Mutex<Option<Arc<Config>>>,
}

#[derive(Debug)]
struct Files {
    hosts: PathBuf,
    resolv_conf: PathBuf,
}

/// What the files said.
#[derive(Debug)]
struct Config {
    read_at: Instant,
    hosts: Hosts,
    resolv_conf: Vec<u8>,
    dns: Result<Arc<Dns>, LookupError>,
}

impl SystemLookup {
    /// Reads the files when the first name is looked up.
    pub fn new() -> Self {
        Self::with_files("/etc/hosts".as_ref(), "/etc/resolv.conf".as_ref())
    }

    fn with_files(hosts: &Path, resolv_conf: &Path) -> Self {
        Self {
            files: Arc::new(Files {
                hosts: hosts.to_owned(),
                resolv_conf: resolv_conf.to_owned(),
            }),
            read: Mutex::new(None),
        }
    }

    async fn config(&self) -> Result<Arc<Config>, LookupError> {
        let last = self
            .read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(config) = &last
            && config.read_at.elapsed() < RELOAD
        {
            return Ok(Arc::clone(config));
        }
        // Two lookups may do this at once, to no harm.
        let files = Arc::clone(&self.files);
        let config = tokio::task::spawn_blocking(move || Config::read(&files, last.as_deref()))
            .await
            .map_err(|error| LookupError::Failed(error.to_string().into()))?;
        let config = Arc::new(config);
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&config));
        Ok(config)
    }
}

impl Default for SystemLookup {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, host: &str) -> Result<Answer, LookupError> {
        let name = Name::from_str_relaxed(host)
            .map_err(|error| LookupError::Failed(error.to_string().into()))?;
        let config = self.config().await?;
        // As the C library does: a name in the hosts file is asked of nobody, even if it
        // has only one family of addresses there.
        let addresses = config.in_hosts(&name);
        if !addresses.is_empty() {
            return Ok(Answer {
                addresses,
                ttl: RELOAD,
                incomplete: None,
            });
        }
        config.dns.clone()?.lookup(name).await
    }
}

impl Config {
    /// Blocks.
    fn read(files: &Files, last: Option<&Self>) -> Self {
        let mut hosts = Hosts::default();
        let read = fs::read(&files.hosts).and_then(|it| hosts.read_hosts_conf(it.as_slice()));
        if let Err(error) = read {
            tracing::debug!(file = %files.hosts.display(), %error, "hosts file not read");
        }
        let failed = |error: &dyn std::fmt::Display| {
            let file = files.resolv_conf.display();
            LookupError::Failed(format!("no name server: {file}: {error}").into())
        };
        let read = fs::read(&files.resolv_conf);
        let resolv_conf = read.as_ref().map_or_else(|_| Vec::new(), Vec::clone);
        let unchanged = last.filter(|last| last.resolv_conf == resolv_conf);
        let dns = match (read, unchanged) {
            // Its connections and what it knows of the servers are worth keeping.
            (Ok(_), Some(Self { dns: Ok(dns), .. })) => Ok(Arc::clone(dns)),
            (Ok(content), _) => parse_resolv_conf(content)
                .and_then(|(config, options)| Dns::new(config, options))
                .map(Arc::new)
                .map_err(|error| failed(&error)),
            (Err(error), _) => Err(failed(&error)),
        };
        Self {
            read_at: Instant::now(),
            hosts,
            resolv_conf,
            dns,
        }
    }

    fn in_hosts(&self, name: &Name) -> Vec<IpAddr> {
        let found = [RecordType::A, RecordType::AAAA].map(|family| {
            let query = Query::query(name.clone(), family);
            self.hosts.lookup_static_host(&query)
        });
        let records = found.iter().flatten().flat_map(|found| found.answers());
        records.filter_map(|record| record.data.ip_addr()).collect()
    }
}

#[cfg(test)]
mod tests;
