use std::{io, net::SocketAddr};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::rr::{Name, RData, RecordType},
    system_conf::read_system_conf,
};
use lookaside_core::HostPort;

use crate::doctor::facts::{SrvFacts, SrvTarget};

/// What stock clients ask DNS of a name, and what comes of it.
pub(super) async fn look_up(name: &str, server: Option<SocketAddr>) -> SrvFacts {
    let host = name.trim_end_matches('.');
    let record = format!("_grpclb._tcp.{host}");
    let resolver = match resolver(server).await {
        Ok(resolver) => resolver,
        Err(error) => {
            return SrvFacts {
                record,
                found: Err(error.to_string()),
                fallback: Err(error.to_string()),
            };
        }
    };
    let found = match ask(&resolver, &record, RecordType::SRV).await {
        Ok(records) => Ok(targets(&resolver, records).await),
        Err(error) => Err(error),
    };
    SrvFacts {
        record,
        found,
        fallback: addresses(&resolver, host).await.map(|them| them.len()),
    }
}

async fn targets(resolver: &TokioResolver, records: Vec<RData>) -> Vec<SrvTarget> {
    let mut targets = Vec::new();
    for record in records {
        let RData::SRV(srv) = record else { continue };
        let host = srv.target.to_ascii();
        let host = host.trim_end_matches('.');
        // RFC 2782: a lone dot says that there is none.
        let Ok(address) = format!("{host}:{}", srv.port).parse::<HostPort>() else {
            continue;
        };
        let resolved = match addresses(resolver, host).await {
            Ok(found) if found.is_empty() => Err("that host has no address".to_owned()),
            found => found,
        };
        targets.push(SrvTarget {
            resolved: resolved.map(|ips| {
                let at = |ip| SocketAddr::new(ip, srv.port);
                ips.into_iter().map(at).collect()
            }),
            address,
        });
    }
    targets.sort_by(|a, b| a.address.cmp(&b.address));
    targets
}

async fn addresses(resolver: &TokioResolver, host: &str) -> Result<Vec<std::net::IpAddr>, String> {
    let (v4, v6) = tokio::join!(
        ask(resolver, host, RecordType::A),
        ask(resolver, host, RecordType::AAAA)
    );
    let found = match (v4, v6) {
        (Ok(v4), Ok(v6)) => [v4, v6].concat(),
        // Some name servers never answer for the family they do not serve.
        (Ok(found), Err(_)) | (Err(_), Ok(found)) if !found.is_empty() => found,
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    Ok(found.iter().filter_map(RData::ip_addr).collect())
}

/// The records of a name; none are no error.
async fn ask(resolver: &TokioResolver, name: &str, kind: RecordType) -> Result<Vec<RData>, String> {
    let mut name = Name::from_str_relaxed(name).map_err(|error| error.to_string())?;
    name.set_fqdn(true);
    match resolver.lookup(name, kind).await {
        Ok(found) => {
            let of_kind = found.answers().iter().filter(|it| it.record_type() == kind);
            Ok(of_kind.map(|it| it.data.clone()).collect())
        }
        Err(NetError::Dns(DnsError::NoRecordsFound(_))) => Ok(Vec::new()),
        Err(error) => Err(error.to_string()),
    }
}

async fn resolver(server: Option<SocketAddr>) -> io::Result<TokioResolver> {
    let (config, mut options) = match server {
        Some(server) => (one_server(server), ResolverOpts::default()),
        None => tokio::task::spawn_blocking(read_system_conf)
            .await?
            .map_err(|error| io::Error::other(format!("no name server: {error}")))?,
    };
    options.use_hosts_file = ResolveHosts::Never;
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = options;
    builder.build().map_err(io::Error::other)
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
