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

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything passes.
    Forward,
    /// Connections stand, and nothing passes, either way.
    Hold,
    /// What comes from the server is lost, on connections that stand already; new ones
    /// work.
    SwallowOld,
    /// What comes from the client is lost, on all connections.
    SwallowUp,
    /// What comes from the server is lost, on all connections.
    SwallowDown,
    /// Every connection is closed, and so are new ones.
    Refuse,
}

/// What it does, and to whom it connects.
#[derive(Clone, Copy, Debug)]
struct Order {
    mode: Mode,
    target: SocketAddr,
    /// Connections of before the last one are to end.
    cuts: u64,
}

/// Ends its connections when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    order: Arc<watch::Sender<Order>>,
    _tasks: JoinSet<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

impl Proxy {
    /// One that forwards to `target`.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let order = Order {
            mode: Mode::Forward,
            target,
            cuts: 0,
        };
        let order = Arc::new(watch::channel(order).0);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&order)));
        Self {
            address,
            order,
            _tasks: tasks,
        }
    }

    /// Changes what it does, on connections that stand too.
    pub fn set(&self, mode: Mode) {
        self.order.send_modify(|order| order.mode = mode);
    }

    /// Changes where new connections lead.
    pub fn lead_to(&self, target: SocketAddr) {
        self.order.send_modify(|order| order.target = target);
    }

    /// Closes the connections that stand; new ones work.
    pub fn cut(&self) {
        self.order.send_modify(|order| order.cuts += 1);
    }
}

async fn accept(listener: TcpListener, order: Arc<watch::Sender<Order>>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // What has ended is not kept.
            Some(_) = connections.join_next() => continue,
        };
        let Ok((client, _)) = accepted else { return };
        let born = *order.borrow();
        if born.mode == Mode::Refuse {
            continue;
        }
        connections.spawn(connection(client, born, order.subscribe()));
    }
}

async fn connection(client: TcpStream, born: Order, mut orders: watch::Receiver<Order>) {
    let Ok(server) = TcpStream::connect(born.target).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (up, down) = (orders.clone(), orders.clone());
    tokio::select! {
        () = pump(from_client, to_server, up, Direction::Up, born.mode) => {}
        () = pump(from_server, to_client, down, Direction::Down, born.mode) => {}
        _ = orders.wait_for(|order| order.mode == Mode::Refuse || order.cuts != born.cuts) => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut orders: watch::Receiver<Order>,
    direction: Direction,
    born: Mode,
) {
    let mut buffer = vec![0; 64 * 1024];
    // Once something is lost, so is the rest: no network loses the middle of a stream.
    let mut lost = false;
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        let Ok(mode) = orders
            .wait_for(|order| order.mode != Mode::Hold)
            .await
            .map(|order| order.mode)
        else {
            return;
        };
        lost |= match mode {
            Mode::SwallowOld => direction == Direction::Down && born != Mode::SwallowOld,
            Mode::SwallowUp => direction == Direction::Up,
            Mode::SwallowDown => direction == Direction::Down,
            Mode::Forward | Mode::Hold | Mode::Refuse => false,
        };
        if !lost && to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
