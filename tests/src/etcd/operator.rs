//! What operators do to a cluster.

use std::{
    env,
    fs::{File, remove_dir_all},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Cluster, backup, member::program};
use crate::{eventually, process::PATIENCE};

impl Cluster {
    /// A member's id.
    pub async fn id(&self, member: usize) -> u64 {
        let status = self.client_of(member).await.status().await;
        let status = status.expect("a status");
        status.header().expect("a header").member_id()
    }

    /// The cluster's id.
    pub async fn cluster_id(&self) -> u64 {
        let answer = self.client().await.get("up", None).await.expect("a get");
        answer.header().expect("a header").cluster_id()
    }

    /// Which member leads.
    pub async fn leader(&self) -> usize {
        eventually("one member leads", PATIENCE, async || {
            for (n, member) in self.members.iter().enumerate() {
                if !member.is_running() {
                    continue;
                }
                let mut client = self.client_of(n).await;
                if let Ok(status) = client.status().await
                    && status.header().map(|it| it.member_id()) == Some(status.leader())
                {
                    return Ok(n);
                }
            }
            Err("none")
        })
        .await
    }

    /// A member that does not lead.
    pub async fn follower(&self) -> usize {
        (self.leader().await + 1) % self.members.len()
    }

    /// Hands leadership over to `to`.
    pub async fn move_leader(&self, to: usize) {
        let id = self.id(to).await;
        eventually("leadership moves", PATIENCE, async || {
            let leader = self.leader().await;
            if leader == to {
                return Ok(());
            }
            let mut client = self.client_of(leader).await;
            let moved = client.move_leader(id).await;
            moved.map(drop).map_err(|error| error.to_string())
        })
        .await;
    }

    /// Gives the freed space of every member back, one after the other.
    pub async fn defragment(&self) {
        for n in 0..self.members.len() {
            let done = self.client_of(n).await.defragment().await;
            done.expect("a defragmentation");
        }
    }

    /// Takes a member out of the cluster for good; its process ends.
    pub async fn remove(&mut self, member: usize) {
        let id = self.id(member).await;
        let other = (member + 1) % self.members.len();
        let mut client = self.client_of(other).await;
        eventually("the member is removed", PATIENCE, async || {
            // Not before all members have seen each other for 5 s.
            let removed = client.member_remove(id).await;
            removed.map(drop).map_err(|error| error.to_string())
        })
        .await;
        self.kill(member);
    }

    /// Adds a removed member anew, at its addresses and with no data.
    pub async fn add_again(&mut self, member: usize) {
        let other = (member + 1) % self.members.len();
        let url = format!("http://{}", self.members[member].advertised);
        let mut client = self.client_of(other).await;
        eventually("the member is added", PATIENCE, async || {
            let added = client.member_add([&url], None).await;
            added.map(drop).map_err(|error| error.to_string())
        })
        .await;
        remove_dir_all(&self.members[member].data).expect("its data");
        let initial = self.initial();
        self.members[member].spawn(&initial, &self.token, "existing");
        self.ready(member).await;
    }

    /// Stops all members and keeps a copy of their data.
    pub async fn back_up(&mut self) {
        self.kill_all();
        let backup = self.dir.path().join("backup");
        for member in &self.members {
            backup::copy(&member.data, &backup.join(&member.name));
        }
        self.run_all().await;
    }

    /// Puts the copy of all data in place; none may be running.
    pub fn put_back(&self) {
        let backup = self.dir.path().join("backup");
        for member in &self.members {
            remove_dir_all(&member.data).expect("its data");
            backup::copy(&backup.join(&member.name), &member.data);
        }
    }

    /// Saves a snapshot, as `etcdctl snapshot save` does.
    pub async fn save(&self) -> PathBuf {
        let path = self.dir.path().join("snapshot.db");
        let mut file = File::create(&path).expect("a file");
        let mut snapshot = self.client().await.snapshot().await.expect("a snapshot");
        while let Some(part) = snapshot.message().await.expect("a part of it") {
            file.write_all(part.blob()).expect("a write");
        }
        path
    }

    /// Restores a snapshot into all members, as `etcdctl snapshot restore` does with
    /// `arguments`; none may be running.
    pub fn restore(&self, snapshot: &Path, arguments: &[&str]) {
        let (initial, tool) = (self.initial(), restorer());
        for member in &self.members {
            remove_dir_all(&member.data).expect("its data");
            let out = Command::new(&tool)
                .env("ETCDCTL_API", "3")
                .args(["snapshot", "restore"])
                .arg(snapshot)
                .arg("--data-dir")
                .arg(&member.data)
                .args(["--name", &member.name, "--initial-cluster", &initial])
                .args(["--initial-cluster-token", &self.token])
                .arg("--initial-advertise-peer-urls")
                .arg(format!("http://{}", member.advertised))
                .args(arguments)
                .output();
            let out = out.unwrap_or_else(|error| panic!("{}: {error}", tool.display()));
            let stderr = String::from_utf8_lossy(&out.stderr);
            assert!(out.status.success(), "{}: {stderr}", tool.display());
        }
    }

    /// Loses everything and becomes another cluster; none may be running.
    pub fn become_another(&mut self) {
        for member in &self.members {
            remove_dir_all(&member.data).expect("its data");
        }
        self.token.push_str(" more");
    }
}

/// `etcdutl` beside etcd, which etcd 3.6 restores with, or `etcdctl`.
pub(super) fn restorer() -> PathBuf {
    let beside = PathBuf::from(program());
    let beside = beside.parent().filter(|dir| !dir.as_os_str().is_empty());
    let in_path = env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = match beside {
        Some(dir) => vec![dir.to_owned()],
        None => env::split_paths(&in_path).collect(),
    };
    ["etcdutl", "etcdctl"]
        .iter()
        .flat_map(|tool| dirs.iter().map(move |dir| dir.join(tool)))
        .find(|path| path.is_file())
        .expect("etcdutl or etcdctl beside etcd (Debian: apt-get install etcd-client)")
}
