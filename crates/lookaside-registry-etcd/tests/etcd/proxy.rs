//! A TCP proxy that can be told to misbehave.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Everything passes.
    Forward,
    /// Connections stand, and nothing passes, either way.
    Hold,
    /// What comes from etcd is lost, on connections that stand already; new ones work.
    SwallowOld,
    /// Every connection is closed, and so are new ones.
    Refuse,
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    mode: Arc<watch::Sender<Mode>>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, _) = watch::channel(Mode::Forward);
        let mode = Arc::new(mode);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, target, Arc::clone(&mode)));
        Self {
            address,
            mode,
            _tasks: tasks,
        }
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, mode: Arc<watch::Sender<Mode>>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        if *mode.borrow() == Mode::Refuse {
            continue;
        }
        let Ok(server) = TcpStream::connect(target).await else {
            continue;
        };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let swallow = *mode.borrow() != Mode::SwallowOld;
        let (up, down) = (mode.subscribe(), mode.subscribe());
        connections.spawn(async move {
            tokio::select! {
                () = pump(from_client, to_server, up, false) => {}
                () = pump(from_server, to_client, down, swallow) => {}
            }
        });
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut mode: watch::Receiver<Mode>,
    swallow: bool,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            refused = mode.wait_for(|mode| *mode == Mode::Refuse) => {
                drop(refused);
                return;
            }
        };
        let Ok(read @ 1..) = read else { return };
        let now = mode
            .wait_for(|mode| *mode != Mode::Hold)
            .await
            .map(|it| *it);
        match now {
            Ok(Mode::SwallowOld) if swallow => {}
            Ok(Mode::Forward | Mode::SwallowOld) => {
                if to.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}
