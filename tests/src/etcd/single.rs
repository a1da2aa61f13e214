//! One etcd.

use std::{net::SocketAddr, path::Path};

use etcd_client::{Client, Txn};
use tempfile::TempDir;

use super::{
    Keys, Member, Tls,
    backup::{self, directory},
    member::Credentials,
    value,
};
use crate::Process;

/// One etcd member with a temporary directory.
#[derive(Debug)]
pub struct Etcd {
    member: Member,
    dir: TempDir,
    /// Its client port.
    pub client_port: SocketAddr,
    token: &'static str,
    credentials: Credentials,
}

impl Etcd {
    /// Starts one and waits until it answers.
    pub async fn start() -> Self {
        Self::start_with(None).await
    }

    /// Starts one whose client port speaks TLS, and wants certificates of clients.
    pub async fn start_with(tls: Option<Tls>) -> Self {
        let dir = directory();
        // Elections in 50 ms instead of 1 s; leases can be as short as 1 s then.
        let args = ["--heartbeat-interval", "10", "--election-timeout", "50"];
        let member = Member::new("test", dir.path(), tls, &args);
        let mut etcd = Self {
            client_port: member.client,
            member,
            dir,
            token: "one",
            credentials: None,
        };
        etcd.run().await;
        etcd
    }

    /// Starts it on its ports and data.
    pub async fn run(&mut self) {
        let cluster = self.member.as_peer();
        self.member.spawn(&cluster, self.token, "new");
        self.member.ready(self.credentials).await;
    }

    /// `host:port` of the client port.
    pub fn endpoint(&self) -> String {
        self.client_port.to_string()
    }

    /// For `--registry`.
    pub fn url(&self) -> String {
        format!("etcd://{}", self.client_port)
    }

    /// Stops it as a crash would; the data stay.
    pub fn kill(&mut self) {
        self.member.kill();
    }

    /// Starts it again on the same port with the same data.
    pub async fn restart(&mut self) {
        self.kill();
        self.run().await;
    }

    /// Keeps a copy of the data; it must not be running.
    pub fn back_up(&self) {
        backup::copy(&self.member.data, &self.backup());
    }

    /// Puts the copy in place; it must not be running.
    pub fn restore(&self) {
        std::fs::remove_dir_all(&self.member.data).expect("its data");
        backup::copy(&self.backup(), &self.member.data);
    }

    fn backup(&self) -> std::path::PathBuf {
        Path::new(self.dir.path()).join("backup")
    }

    /// Loses everything and becomes another cluster; it must not be running.
    pub fn become_another(&mut self) {
        std::fs::remove_dir_all(&self.member.data).expect("its data");
        self.token = "another";
    }

    /// The running process.
    pub fn process(&self) -> &Process {
        self.member.process()
    }

    /// A client of its own, as the root user where there is one.
    pub async fn client(&self) -> Client {
        self.member
            .connect(self.credentials)
            .await
            .expect("etcd is up")
    }

    /// Writes and reads, over a connection of its own.
    pub async fn keys(&self) -> Keys {
        Keys(self.client().await)
    }

    /// See [`Keys::protect`].
    pub async fn protect(&mut self) {
        self.keys().await.protect().await;
        self.credentials = Some(("root", "root"));
    }

    /// Writes a key.
    pub async fn put(&self, key: &str, value: &str) {
        self.keys().await.put(key, value).await;
    }

    /// Writes a key that lives for `ttl` seconds; gives the lease.
    pub async fn put_leased(&self, key: &str, value: &str, ttl: i64) -> i64 {
        self.keys().await.put_leased(key, value, ttl).await
    }

    /// Removes a key.
    pub async fn delete(&self, key: &str) {
        self.keys().await.delete(key).await;
    }

    /// Runs a transaction.
    pub async fn txn(&self, txn: Txn) {
        self.client().await.txn(txn).await.expect("a transaction");
    }

    /// What a key says.
    pub async fn value(&self, key: &str) -> Option<String> {
        self.keys().await.value(key).await
    }

    /// How many leases there are.
    pub async fn leases(&self) -> usize {
        let answer = self.client().await.leases().await.expect("the leases");
        answer.leases().len()
    }

    /// The newest revision.
    pub async fn revision(&self) -> i64 {
        self.keys().await.revision().await
    }

    /// Forgets all revisions before the newest.
    pub async fn compact(&self) {
        self.keys().await.compact().await;
    }

    /// Records a backend as etcd's own naming package does.
    pub async fn put_backend(&self, service: &str, id: &str, addr: &str, weight: u32) {
        self.put(&format!("services/{service}/{id}"), &value(addr, weight))
            .await;
    }

    /// Records `n` backends of equal weight, `b00` at `10.0.0.1:1000` and so on, which
    /// nobody dials.
    pub async fn put_backends(&self, service: &str, n: u16) {
        for n in 0..n {
            let addr = format!("10.0.0.1:{}", 1000 + n);
            self.put_backend(service, &format!("b{n:02}"), &addr, 100)
                .await;
        }
    }

    /// Removes a backend.
    pub async fn delete_backend(&self, service: &str, id: &str) {
        self.delete(&format!("services/{service}/{id}")).await;
    }

    /// Writes a service's settings.
    pub async fn put_settings(&self, service: &str, settings: &serde_json::Value) {
        self.put(
            &format!("lookaside/config/{service}"),
            &settings.to_string(),
        )
        .await;
    }
}
