//! A real etcd on loopback.

use std::{env, ffi::OsStr, net::SocketAddr, process::Command, time::Duration};

use etcd_client::{Client, CompactionOptions, PutOptions};
use tempfile::TempDir;

use crate::{Process, eventually, ports};

/// One etcd member with a temporary directory.
#[derive(Debug)]
pub struct Etcd {
    process: Option<Process>,
    dir: TempDir,
    client: SocketAddr,
    peer: SocketAddr,
}

impl Etcd {
    /// Starts one and waits until it answers.
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut etcd = Self {
            process: None,
            dir,
            client: ports::unused(),
            peer: ports::unused(),
        };
        etcd.run().await;
        etcd
    }

    async fn run(&mut self) {
        let program = env::var_os("LOOKASIDE_ETCD").unwrap_or_else(|| "etcd".into());
        let (client, peer) = (
            format!("http://{}", self.client),
            format!("http://{}", self.peer),
        );
        let mut command = Command::new(&program);
        command
            .arg("--data-dir")
            .arg(self.dir.path().join("data"))
            .args(["--name", "test", "--logger", "zap", "--log-level", "warn"])
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
            .args(["--initial-cluster", &format!("test={peer}")])
            .args(["--initial-cluster-state", "new"]);
        if knows_no_fsync(&program) {
            // Tests do not survive a power cut: no need to wait for the disk.
            command.arg("--unsafe-no-fsync");
        }
        self.process = Some(Process::spawn("etcd", &mut command));
        eventually("etcd answers", Duration::from_secs(30), || async {
            let mut client = Client::connect([self.endpoint()], None)
                .await
                .map_err(|e| e.to_string())?;
            client.get("up", None).await.map_err(|e| e.to_string())
        })
        .await;
    }

    /// `host:port` of the client port.
    pub fn endpoint(&self) -> String {
        self.client.to_string()
    }

    /// For `--registry`.
    pub fn url(&self) -> String {
        format!("etcd://{}", self.client)
    }

    /// Stops it as a crash would; the data stay.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again on the same port with the same data.
    pub async fn restart(&mut self) {
        self.kill();
        self.run().await;
    }

    /// The running process.
    pub fn process(&self) -> &Process {
        self.process.as_ref().expect("etcd runs")
    }

    /// A client of its own.
    pub async fn client(&self) -> Client {
        Client::connect([self.endpoint()], None)
            .await
            .expect("etcd is up")
    }

    /// Writes a key.
    pub async fn put(&self, key: &str, value: &str) {
        self.client()
            .await
            .put(key, value, None)
            .await
            .expect("a put");
    }

    /// Writes a key that lives for `ttl` seconds; gives the lease.
    pub async fn put_leased(&self, key: &str, value: &str, ttl: i64) -> i64 {
        let mut client = self.client().await;
        let lease = client.lease_grant(ttl, None).await.expect("a lease").id();
        let options = PutOptions::new().with_lease(lease);
        client.put(key, value, Some(options)).await.expect("a put");
        lease
    }

    /// Removes a key.
    pub async fn delete(&self, key: &str) {
        self.client()
            .await
            .delete(key, None)
            .await
            .expect("a delete");
    }

    /// Forgets all revisions before the newest.
    pub async fn compact(&self) {
        let mut client = self.client().await;
        let newest = client.get("up", None).await.expect("a get");
        let revision = newest.header().expect("a header").revision();
        let options = CompactionOptions::new().with_physical();
        client
            .compact(revision, Some(options))
            .await
            .expect("a compaction");
    }

    /// Records a backend as etcd's own naming package does.
    pub async fn put_backend(&self, service: &str, id: &str, addr: &str, weight: u32) {
        let value = serde_json::json!({ "Addr": addr, "Metadata": { "weight": weight } });
        self.put(&format!("services/{service}/{id}"), &value.to_string())
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

/// Whether this etcd can leave out fsync (3.5 and later).
fn knows_no_fsync(program: &OsStr) -> bool {
    let help = Command::new(program).arg("--help").output();
    help.is_ok_and(|out| {
        let text = [out.stdout, out.stderr].concat();
        String::from_utf8_lossy(&text).contains("unsafe-no-fsync")
    })
}
