//! Three etcd members.

use std::net::SocketAddr;

use etcd_client::Client;
use tempfile::TempDir;

use super::{
    Keys, Member, Tls, backup,
    link::{CutOff, Links},
    member::Credentials,
};
use crate::{Process, eventually, process::PATIENCE};

/// How a cluster differs from the usual.
#[derive(Clone, Debug, Default)]
pub struct ClusterOptions {
    /// One for each member; their client ports speak TLS then.
    pub tls: Option<[Tls; 3]>,
    /// Further arguments of all members.
    pub args: Vec<String>,
}

/// Three members on loopback, in a temporary directory.
///
/// Methods that take a `member` mean its place, 0 to 2.
#[derive(Debug)]
pub struct Cluster {
    /// The members.
    pub members: Vec<Member>,
    pub(super) dir: TempDir,
    pub(super) token: String,
    pub(super) credentials: Credentials,
    links: Links,
}

impl Cluster {
    /// Starts three members and waits until they all answer.
    pub async fn start() -> Self {
        Self::start_with(ClusterOptions::default()).await
    }

    /// The same, with options.
    pub async fn start_with(options: ClusterOptions) -> Self {
        let dir = backup::directory();
        let mut links = Links::new();
        let mut members = Vec::new();
        for n in 0..3 {
            // Half of production's times: a new leader within a second.
            let mut args = vec!["--heartbeat-interval", "50", "--election-timeout", "500"];
            args.extend(options.args.iter().map(String::as_str));
            let tls = options.tls.as_ref().map(|tls| tls[n].clone());
            let mut member = Member::new(&format!("m{n}"), dir.path(), tls, &args);
            member.advertised = links.before(n, member.peer).await;
            members.push(member);
        }
        let mut cluster = Self {
            members,
            dir,
            token: "one".to_owned(),
            credentials: None,
            links,
        };
        cluster.run_all().await;
        cluster
    }

    pub(super) fn initial(&self) -> String {
        let members: Vec<_> = self.members.iter().map(Member::as_peer).collect();
        members.join(",")
    }

    /// Starts all of them.
    pub async fn run_all(&mut self) {
        let initial = self.initial();
        for member in &mut self.members {
            member.spawn(&initial, &self.token, "new");
        }
        for member in &self.members {
            member.ready(self.credentials).await;
        }
    }

    /// Starts a member that was killed, and waits until it answers.
    pub async fn run(&mut self, member: usize) {
        self.spawn(member);
        self.ready(member).await;
    }

    /// Starts a member without waiting: on its own it does not answer.
    pub fn spawn(&mut self, member: usize) {
        let initial = self.initial();
        self.members[member].spawn(&initial, &self.token, "new");
    }

    /// Waits until a member answers.
    pub async fn ready(&self, member: usize) {
        self.members[member].ready(self.credentials).await;
    }

    /// Stops a member as a crash would.
    pub fn kill(&mut self, member: usize) {
        self.members[member].kill();
    }

    /// Stops all of them.
    pub fn kill_all(&mut self) {
        self.members.iter_mut().for_each(Member::kill);
    }

    /// The client ports.
    pub fn endpoints(&self) -> Vec<SocketAddr> {
        self.members.iter().map(|member| member.client).collect()
    }

    /// For `--registry`.
    pub fn url(&self) -> String {
        let members: Vec<_> = self.endpoints().iter().map(ToString::to_string).collect();
        format!("etcd://{}", members.join(","))
    }

    /// A connection to a member that answers.
    pub async fn client(&self) -> Client {
        let answering = eventually("a member answers", PATIENCE, async || {
            let mut why = String::from("none is running");
            for member in self.members.iter().filter(|it| it.is_running()) {
                match member.answers(self.credentials).await {
                    Ok(()) => match member.connect(self.credentials).await {
                        Ok(client) => return Ok(client),
                        Err(error) => why = error.to_string(),
                    },
                    Err(error) => why = error,
                }
            }
            Err(why)
        });
        Box::pin(answering).await
    }

    /// Writes and reads over such a connection.
    pub async fn keys(&self) -> Keys {
        Keys(self.client().await)
    }

    /// A connection to this member, whether it answers or not.
    pub async fn client_of(&self, member: usize) -> Client {
        let connected = self.members[member].connect(self.credentials).await;
        connected.expect("no credentials are refused")
    }

    /// Cuts a member off from the other two. Its client port works on.
    pub async fn cut_off(&self, member: usize) {
        let id = format!("{:x}", self.id(member).await);
        self.links.cut(Some(CutOff { member, id }));
    }

    /// Connects the one that was cut off again.
    pub fn heal(&self) {
        self.links.cut(None);
    }

    /// See [`Keys::protect`].
    pub async fn protect(&mut self) {
        self.keys().await.protect().await;
        self.credentials = Some(("root", "root"));
    }

    /// Turns authentication on again, with the users of before.
    pub async fn protect_again(&mut self) {
        let mut client = self.client().await;
        client.auth_enable().await.expect("authentication");
        self.credentials = Some(("root", "root"));
    }

    /// Turns authentication off again.
    pub async fn unprotect(&mut self) {
        let mut client = self.client().await;
        client.auth_disable().await.expect("no authentication");
        self.credentials = None;
    }

    /// A member's process.
    pub fn process(&self, member: usize) -> &Process {
        self.members[member].process()
    }
}
