//! The peer ports of a cluster's members, through proxies that can cut one off.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// The headers of a peer's first request are a few hundred bytes.
const HEADERS: usize = 8 * 1024;

/// Who is cut off from the other members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CutOff {
    /// Its place in the cluster.
    pub(super) member: usize,
    /// Its id, as members tell it each other.
    pub(super) id: String,
}

/// The proxies in front of all peer ports.
#[derive(Debug)]
pub(super) struct Links {
    cut_off: Arc<watch::Sender<Option<CutOff>>>,
    tasks: JoinSet<()>,
}

impl Links {
    pub(super) fn new() -> Self {
        Self {
            cut_off: Arc::new(watch::channel(None).0),
            tasks: JoinSet::new(),
        }
    }

    /// Puts a proxy in front of a member's peer port; gives its address.
    pub(super) async fn before(&mut self, member: usize, peer: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let cut_off = Arc::clone(&self.cut_off);
        self.tasks.spawn(accept(listener, member, peer, cut_off));
        address
    }

    pub(super) fn cut(&self, cut_off: Option<CutOff>) {
        self.cut_off.send_replace(cut_off);
    }
}

async fn accept(
    listener: TcpListener,
    member: usize,
    peer: SocketAddr,
    cut_off: Arc<watch::Sender<Option<CutOff>>>,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((from, _)) = accepted else { return };
        connections.spawn(connection(from, member, peer, cut_off.subscribe()));
    }
}

async fn connection(
    mut from: TcpStream,
    member: usize,
    peer: SocketAddr,
    mut cut_off: watch::Receiver<Option<CutOff>>,
) {
    let Some(head) = head(&mut from).await else {
        return;
    };
    let sender = sender(&head);
    let is_cut = |it: &Option<CutOff>| {
        it.as_ref()
            .is_some_and(|it| it.member == member || Some(&it.id) == sender.as_ref())
    };
    let forward = async {
        let mut to = TcpStream::connect(peer).await?;
        to.write_all(&head).await?;
        copy_bidirectional(&mut from, &mut to).await
    };
    tokio::select! {
        biased;
        _ = cut_off.wait_for(is_cut) => {}
        _ = forward => {}
    }
}

/// The first bytes of a connection, up to the end of the headers at least.
async fn head(from: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < HEADERS {
        if from.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

/// Which member sends: a connection between peers has one.
fn sender(head: &[u8]) -> Option<String> {
    String::from_utf8_lossy(head).lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("x-server-from")
            .then(|| value.trim().to_owned())
    })
}
