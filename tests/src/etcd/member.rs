//! One etcd process.

use std::{
    env,
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::Duration,
};

use etcd_client::{Certificate, Client, ConnectOptions, Error, Identity, TlsOptions};

use super::Tls;
use crate::{Process, eventually, ports};

/// How long a member may take to answer, elections included, on a busy machine.
const START: Duration = Duration::from_secs(40);

/// How long it may take to answer one question before it is asked again.
const ANSWER: Duration = Duration::from_secs(2);

/// User and password.
pub(super) type Credentials = Option<(&'static str, &'static str)>;

/// One member, running or not. Dropping it kills it.
#[derive(Debug)]
pub struct Member {
    /// Its name in the cluster.
    pub name: String,
    /// Its client port.
    pub client: SocketAddr,
    pub(super) peer: SocketAddr,
    /// Where the other members reach it.
    pub(super) advertised: SocketAddr,
    pub(super) data: PathBuf,
    pub(super) tls: Option<Tls>,
    /// Further arguments.
    pub(super) args: Vec<String>,
    process: Option<Process>,
    paused: bool,
}

pub(super) fn program() -> OsString {
    env::var_os("LOOKASIDE_ETCD").unwrap_or_else(|| "etcd".into())
}

impl Member {
    pub(super) fn new(name: &str, dir: &Path, tls: Option<Tls>, args: &[&str]) -> Self {
        let peer = ports::unused();
        Self {
            name: name.to_owned(),
            client: ports::unused(),
            peer,
            advertised: peer,
            data: dir.join(name),
            tls,
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            process: None,
            paused: false,
        }
    }

    /// As `--initial-cluster` names it.
    pub(super) fn as_peer(&self) -> String {
        format!("{}=http://{}", self.name, self.advertised)
    }

    /// Starts it on its ports and data.
    pub(super) fn spawn(&mut self, cluster: &str, token: &str, state: &str) {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let client = format!("{scheme}://{}", self.client);
        let (peer, advertised) = (
            format!("http://{}", self.peer),
            format!("http://{}", self.advertised),
        );
        let mut command = Command::new(program());
        if let Some(Tls { ca, cert, key }) = &self.tls {
            command.arg("--client-cert-auth");
            command.arg("--trusted-ca-file").arg(ca);
            command.arg("--cert-file").arg(cert);
            command.arg("--key-file").arg(key);
        }
        command
            .arg("--data-dir")
            .arg(&self.data)
            .args(["--name", &self.name])
            .args(["--logger", "zap", "--log-level", "error"])
            .args(["--listen-client-urls", &client])
            .args(["--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer])
            .args(["--initial-advertise-peer-urls", &advertised])
            .args(["--initial-cluster", cluster])
            .args(["--initial-cluster-token", token])
            .args(["--initial-cluster-state", state])
            .args(&self.args);
        if knows("unsafe-no-fsync") {
            // Tests do not survive a power cut: no need to wait for the disk.
            command.arg("--unsafe-no-fsync");
        }
        self.process = Some(Process::spawn(&format!("etcd {}", self.name), &mut command));
        self.paused = false;
    }

    /// Waits until it answers, which takes a leader.
    pub(super) async fn ready(&self, credentials: Credentials) {
        let what = format!("etcd {} answers", self.name);
        eventually(&what, START, async || self.answers(credentials).await).await;
    }

    pub(super) async fn answers(&self, credentials: Credentials) -> Result<(), String> {
        let answer = async { self.connect(credentials).await?.get("up", None).await };
        match tokio::time::timeout(ANSWER, Box::pin(answer)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("nothing for {ANSWER:?}")),
        }
    }

    /// A connection to just this member.
    pub(super) async fn connect(&self, credentials: Credentials) -> Result<Client, Error> {
        let mut options = ConnectOptions::new();
        if let Some((user, password)) = credentials {
            options = options.with_user(user, password);
        }
        if let Some(Tls { ca, cert, key }) = &self.tls {
            let read = |path| std::fs::read(path).expect("a PEM file");
            options = options.with_tls(
                TlsOptions::new()
                    .ca_certificate(Certificate::from_pem(read(ca)))
                    .identity(Identity::from_pem(read(cert), read(key))),
            );
        }
        // Boxed, here and elsewhere: it makes every future large that it is a part of.
        Box::pin(Client::connect([self.client.to_string()], Some(options))).await
    }

    /// Stops it as a crash would; its data stay.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Stops it from running, without its noticing and without closing a connection.
    pub fn pause(&mut self) {
        self.process().pause();
        self.paused = true;
    }

    /// Lets it run again.
    pub fn resume(&mut self) {
        self.process().resume();
        self.paused = false;
    }

    /// Whether it was started, and neither killed nor paused.
    pub fn is_running(&self) -> bool {
        self.process.is_some() && !self.paused
    }

    /// The running process.
    pub fn process(&self) -> &Process {
        self.process.as_ref().expect("etcd runs")
    }
}

/// Whether this etcd has a flag.
fn knows(flag: &str) -> bool {
    static HELP: OnceLock<String> = OnceLock::new();
    let help = HELP.get_or_init(|| {
        let out = Command::new(program()).arg("--help").output();
        let out = out.expect("etcd is installed, or named by LOOKASIDE_ETCD");
        String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned()
    });
    help.contains(flag)
}
