//! Balancers of which everything has happened once that makes a metric appear.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use lookaside_proto::lb::{ClientStats, ClientStatsPerToken};
use lookaside_tests::{
    Balancer, Etcd, eventually, http,
    openmetrics::{Family, parse},
    pki::Pki,
    wire::Stream,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, pem::PemObject},
    },
};

pub(crate) type Families = BTreeMap<String, Family>;

pub(crate) const SERVICE: &str = "orders";

pub(crate) const BOUND: Duration = Duration::from_secs(30);

/// A balancer over etcd with one service, a stream that has reported, and drops.
pub(crate) struct World {
    pub(crate) balancer: Balancer,
    pub(crate) stream: Stream,
    pub(crate) etcd: Etcd,
}

impl World {
    pub(crate) async fn new() -> Result<Self> {
        let etcd = Etcd::start().await;
        etcd.put_backends(SERVICE, 3).await;
        let drops = json!({"drops": [{"category": "overload", "per_million": 250_000}]});
        etcd.put_settings(SERVICE, &drops).await;
        let balancer = Balancer::on(&etcd.url()).await;
        let mut stream = Stream::open(balancer.addr, SERVICE).await?;
        stream.list().await?;
        let dropped = ClientStatsPerToken {
            load_balance_token: "overload".to_owned(),
            num_calls: 2,
        };
        stream
            .report(ClientStats {
                num_calls_started: 12,
                num_calls_finished: 11,
                num_calls_finished_with_client_failed_to_send: 3,
                num_calls_finished_known_received: 6,
                calls_finished_with_drop: vec![dropped],
                ..ClientStats::default()
            })
            .await?;
        let this = Self {
            balancer,
            stream,
            etcd,
        };
        this.until("the report is counted", |families| {
            value(families, "lookaside_reports_total", &[]) == Some(1.0)
        })
        .await;
        Ok(this)
    }

    /// Waits until what is exported satisfies `wanted`.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&Families) -> bool) -> Families {
        eventually(what, BOUND, || async {
            let families = scrape(self.balancer.admin)
                .await
                .map_err(|error| format!("{error:#}"))?;
            if wanted(&families) {
                Ok(families)
            } else {
                Err(format!("{families:#?}"))
            }
        })
        .await
    }
}

/// All that it exports.
pub(crate) async fn scrape(admin: SocketAddr) -> Result<Families> {
    parse(&scrape_text(admin).await?)
}

/// The same, as it says it.
pub(crate) async fn scrape_text(admin: SocketAddr) -> Result<String> {
    let (status, text) = http::get(admin, "/metrics").await?;
    ensure!(status == 200, "{status}: {text}");
    Ok(text)
}

/// All that any balancer exports: one over etcd, and one with TLS.
pub(crate) async fn everything() -> Result<Families> {
    let world = World::new().await?;
    let mut families = scrape(world.balancer.admin).await?;
    for (name, family) in scrape_tls().await? {
        families.entry(name).or_insert(family);
    }
    Ok(families)
}

/// What a balancer with a certificate exports.
pub(crate) async fn scrape_tls() -> Result<Families> {
    let pki = Pki::new("ca");
    pki.write_leaf("balancer", &pki.leaf(&["localhost"]));
    let (cert, key) = (pki.arg("balancer.pem"), pki.arg("balancer.key"));
    pki.write(
        "lookaside.toml",
        &format!("[tls]\ncert = {cert:?}\nkey = {key:?}\n"),
    );
    let balancer = Balancer::start(["--config", &pki.arg("lookaside.toml")]).await;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pki.path("ca.pem"))?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let exchange = async {
        let stream = TcpStream::connect(balancer.admin).await?;
        let connector = TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect("localhost".try_into()?, stream).await?;
        let request = "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut response = String::new();
        stream.read_to_string(&mut response).await?;
        anyhow::Ok(response)
    };
    let response = timeout(BOUND, exchange).await.context("no answer")??;
    let (_, body) = response.split_once("\r\n\r\n").context("no body")?;
    parse(body)
}

/// The value of one sample, by name and labels, each `name=value`.
pub(crate) fn value(families: &Families, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let samples = families.values().flat_map(|family| &family.samples);
    let mut found = samples.filter(|sample| {
        sample.name == name
            && labels.len() == sample.labels.len()
            && labels
                .iter()
                .all(|(name, value)| sample.labels.get(*name).is_some_and(|it| it == value))
    });
    found.next().map(|sample| sample.value)
}

pub(crate) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file of it.
pub(crate) fn file(path: &str) -> Result<String> {
    fs::read_to_string(repository().join(path)).with_context(|| path.to_owned())
}
