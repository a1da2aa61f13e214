use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    lookup::Lookup,
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::rr::{Name, RData, RecordType},
    system_conf::read_system_conf,
};

use super::records::{Answer, Answers, Records, Srv};
use crate::resolver::{
    lookup::{Lookup as _, SystemLookup},
    pace::UNKNOWN_TTL,
};

/// Asks name servers for records: one that was given, or those of the system. Without one
/// of its own it leaves addresses to the system, which has a hosts file and more.
///
/// It has no cache: names are asked for again when their time is over or when something
/// failed, and then from the server, which has a cache of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub(crate) server: Option<SocketAddr>,
}

impl Client {
    /// Made anew for every question: the system's configuration may have changed.
    async fn resolver(self) -> io::Result<TokioResolver> {
        let (config, mut options) = match self.server {
            Some(server) => (one_server(server), ResolverOpts::default()),
            None => tokio::task::spawn_blocking(read_system_conf)
                .await?
                .map_err(|error| io::Error::other(format!("no name server: {error}")))?,
        };
        options.use_hosts_file = ResolveHosts::Never;
        options.cache_size = 0;
        let mut builder =
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        builder.build().map_err(failed)
    }

    async fn ask(self, name: String, kind: RecordType) -> io::Result<Answer<RData>> {
        let mut name = Name::from_str_relaxed(&name).map_err(io::Error::other)?;
        if self.server.is_some() {
            // A search list is the system's.
            name.set_fqdn(true);
        }
        match self.resolver().await?.lookup(name, kind).await {
            Ok(found) => Ok(answer(&found)),
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => {
                let ttl = none.negative_ttl.map(|ttl| Duration::from_secs(ttl.into()));
                Ok(Answer {
                    records: Vec::new(),
                    ttl: ttl.unwrap_or(UNKNOWN_TTL),
                })
            }
            Err(error) => Err(failed(error)),
        }
    }

    async fn both_families(self, host: String) -> io::Result<Answer<IpAddr>> {
        let (v4, v6) = tokio::join!(
            self.ask(host.clone(), RecordType::A),
            self.ask(host, RecordType::AAAA)
        );
        let mut found = match (v4, v6) {
            (Ok(mut v4), Ok(v6)) => {
                // A family without records says nothing of how long the other's hold.
                v4.ttl = match (v4.records.is_empty(), v6.records.is_empty()) {
                    (true, false) => v6.ttl,
                    (false, true) => v4.ttl,
                    _ => v4.ttl.min(v6.ttl),
                };
                v4.records.extend(v6.records);
                v4
            }
            // Some name servers never answer for the family they do not serve.
            (Ok(found), Err(_)) | (Err(_), Ok(found)) if !found.records.is_empty() => found,
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        let ips = found.records.drain(..).filter_map(|data| data.ip_addr());
        Ok(Answer {
            records: ips.collect(),
            ttl: found.ttl,
        })
    }
}

impl Records for Client {
    fn addresses(&self, host: &str) -> Answers<IpAddr> {
        let (client, host) = (*self, host.to_owned());
        Box::pin(async move {
            if client.server.is_some() {
                return client.both_families(host).await;
            }
            Ok(Answer {
                records: SystemLookup.lookup(&host).await?,
                ttl: UNKNOWN_TTL,
            })
        })
    }

    fn srv(&self, name: &str) -> Answers<Srv> {
        let asked = self.ask(name.to_owned(), RecordType::SRV);
        Box::pin(async move {
            let found = asked.await?;
            let records = found.records.into_iter().filter_map(|data| match data {
                RData::SRV(srv) => Some(Srv {
                    priority: srv.priority,
                    weight: srv.weight,
                    port: srv.port,
                    host: srv.target.to_ascii(),
                }),
                _ => None,
            });
            Ok(Answer {
                records: records.collect(),
                ttl: found.ttl,
            })
        })
    }

    fn txt(&self, name: &str) -> Answers<String> {
        let asked = self.ask(name.to_owned(), RecordType::TXT);
        Box::pin(async move {
            let found = asked.await?;
            let records = found.records.into_iter().filter_map(|data| match data {
                // A text longer than 255 bytes comes in parts.
                RData::TXT(txt) => {
                    Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned())
                }
                _ => None,
            });
            Ok(Answer {
                records: records.collect(),
                ttl: found.ttl,
            })
        })
    }
}

fn one_server(at: SocketAddr) -> ResolverConfig {
    // UDP, and TCP for what is cut short.
    let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
    for connection in &mut connections {
        connection.port = at.port();
    }
    let server = NameServerConfig::new(at.ip(), true, connections);
    ResolverConfig::from_parts(None, Vec::new(), vec![server])
}

fn answer(found: &Lookup) -> Answer<RData> {
    let records = found.answers();
    let ttl = records.iter().map(|record| record.ttl).min();
    Answer {
        records: records.iter().map(|record| record.data.clone()).collect(),
        ttl: ttl.map_or(UNKNOWN_TTL, |ttl| Duration::from_secs(ttl.into())),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err passes it")]
fn failed(error: NetError) -> io::Error {
    io::Error::other(error.to_string())
}
