//! A real etcd on loopback.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use etcd_client::{
    Certificate, Client, CompactionOptions, ConnectOptions, Identity, Permission, PutOptions,
    TlsOptions, Txn,
};
use lookaside_registry_etcd::EtcdConfig;
use tempfile::TempDir;

use crate::support::eventually;

/// One member. Dropping it kills it.
pub(crate) struct Etcd {
    process: Option<Child>,
    dir: TempDir,
    pub(crate) client_port: SocketAddr,
    peer_port: SocketAddr,
    token: &'static str,
    tls: Option<Tls>,
    credentials: Option<(&'static str, &'static str)>,
}

/// PEM files of both sides; the members ask clients for certificates.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) ca: PathBuf,
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

fn unused_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

impl Etcd {
    pub(crate) async fn start() -> Self {
        Self::start_with(None).await
    }

    pub(crate) async fn start_with(tls: Option<Tls>) -> Self {
        let mut etcd = Self {
            process: None,
            dir: tempfile::tempdir().unwrap(),
            client_port: unused_port(),
            peer_port: unused_port(),
            token: "one",
            tls,
            credentials: None,
        };
        etcd.run().await;
        etcd
    }

    /// Starts it on its ports and data.
    pub(crate) async fn run(&mut self) {
        let program = std::env::var_os("LOOKASIDE_ETCD").unwrap_or_else(|| "etcd".into());
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let (client, peer) = (
            format!("{scheme}://{}", self.client_port),
            format!("http://{}", self.peer_port),
        );
        let mut command = Command::new(program);
        if let Some(Tls { ca, cert, key }) = &self.tls {
            command
                .arg("--client-cert-auth")
                .arg("--trusted-ca-file")
                .arg(ca);
            command
                .arg("--cert-file")
                .arg(cert)
                .arg("--key-file")
                .arg(key);
        }
        let process = command
            .arg("--data-dir")
            .arg(self.data())
            .args(["--name", "t", "--logger", "zap", "--log-level", "error"])
            .args([
                "--listen-client-urls",
                &client,
                "--advertise-client-urls",
                &client,
            ])
            .args([
                "--listen-peer-urls",
                &peer,
                "--initial-advertise-peer-urls",
                &peer,
            ])
            .args(["--initial-cluster", &format!("t={peer}")])
            .args(["--initial-cluster-token", self.token])
            // Elections in 50 ms instead of 1 s; leases can be as short as 1 s then.
            .args(["--heartbeat-interval", "10", "--election-timeout", "50"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("etcd starts");
        self.process = Some(process);
        eventually("etcd answers", async || {
            let answer = async { self.try_client().await?.get("up", None).await };
            let answer = tokio::time::timeout(Duration::from_secs(1), answer).await;
            answer.is_ok_and(|answer| answer.is_ok())
        })
        .await;
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Keeps a copy of the data; it must not be running.
    pub(crate) fn back_up(&self) {
        copy(&self.data(), &self.dir.path().join("backup"));
    }

    /// Puts the copy in place; it must not be running.
    pub(crate) fn restore(&self) {
        std::fs::remove_dir_all(self.data()).unwrap();
        copy(&self.dir.path().join("backup"), &self.data());
    }

    /// Loses everything and becomes another cluster; it must not be running.
    pub(crate) fn become_another(&mut self) {
        std::fs::remove_dir_all(self.data()).unwrap();
        self.token = "another";
    }

    pub(crate) fn config(&self) -> EtcdConfig {
        crate::support::config(self.client_port)
    }

    /// As the root user where there is one.
    pub(crate) async fn client(&self) -> Client {
        self.try_client().await.unwrap()
    }

    async fn try_client(&self) -> Result<Client, etcd_client::Error> {
        let mut options = ConnectOptions::new();
        if let Some((user, password)) = self.credentials {
            options = options.with_user(user, password);
        }
        if let Some(Tls { ca, cert, key }) = &self.tls {
            let read = |path| std::fs::read(path).unwrap();
            options = options.with_tls(
                TlsOptions::new()
                    .ca_certificate(Certificate::from_pem(read(ca)))
                    .identity(Identity::from_pem(read(cert), read(key))),
            );
        }
        Client::connect([self.client_port.to_string()], Some(options)).await
    }

    /// From now on only `root` with password `root` may do everything, and `reader`
    /// with password `secret` may read what the registry reads.
    pub(crate) async fn protect(&mut self) {
        let mut client = self.client().await;
        client.role_add("reader").await.unwrap();
        for prefix in ["services/", "lookaside/config/", "lookaside/overrides/"] {
            let permission = Permission::read(prefix).with_prefix();
            client
                .role_grant_permission("reader", permission)
                .await
                .unwrap();
        }
        for (user, password, role) in [("root", "root", "root"), ("reader", "secret", "reader")] {
            client.user_add(user, password, None).await.unwrap();
            if role == "root" {
                client.role_add(role).await.unwrap();
            }
            client.user_grant_role(user, role).await.unwrap();
        }
        client.auth_enable().await.unwrap();
        self.credentials = Some(("root", "root"));
    }

    pub(crate) async fn put(&self, key: &str, value: &str) {
        self.client().await.put(key, value, None).await.unwrap();
    }

    /// A backend as etcd's own package writes it.
    pub(crate) async fn put_backend(&self, service: &str, id: &str, weight: u32) {
        let key = format!("services/{service}/{id}");
        self.put(&key, &value("10.0.0.1:80", weight)).await;
    }

    /// Lives as long as its lease is kept alive, which nobody does.
    pub(crate) async fn put_leased(&self, key: &str, value: &str, ttl: i64) {
        let mut client = self.client().await;
        let lease = client.lease_grant(ttl, None).await.unwrap().id();
        let options = PutOptions::new().with_lease(lease);
        client.put(key, value, Some(options)).await.unwrap();
    }

    pub(crate) async fn delete(&self, key: &str) {
        self.client().await.delete(key, None).await.unwrap();
    }

    pub(crate) async fn txn(&self, txn: Txn) {
        self.client().await.txn(txn).await.unwrap();
    }

    pub(crate) async fn value(&self, key: &str) -> Option<String> {
        let answer = self.client().await.get(key, None).await.unwrap();
        let first = answer.kvs().first()?;
        Some(first.value_str().unwrap().to_owned())
    }

    pub(crate) async fn leases(&self) -> usize {
        self.client().await.leases().await.unwrap().leases().len()
    }

    pub(crate) async fn revision(&self) -> i64 {
        let answer = self.client().await.get("up", None).await.unwrap();
        answer.header().unwrap().revision()
    }

    /// Forgets all revisions before the newest.
    pub(crate) async fn compact(&self) {
        let options = CompactionOptions::new().with_physical();
        let revision = self.revision().await;
        let mut client = self.client().await;
        client.compact(revision, Some(options)).await.unwrap();
    }
}

/// A backend's value.
pub(crate) fn value(address: &str, weight: u32) -> String {
    format!(r#"{{"Addr":"{address}","Metadata":{{"weight":{weight}}}}}"#)
}

impl Drop for Etcd {
    fn drop(&mut self) {
        self.kill();
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}
