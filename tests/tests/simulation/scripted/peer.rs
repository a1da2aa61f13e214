//! An HTTP/2 server that leaves, or never begins, in any way there is.

use std::{future::poll_fn, net::SocketAddr, time::Duration};

use bytes::Bytes;
use h2::{
    Reason, RecvStream,
    server::{Connection, SendResponse},
};
use http::Request;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::sleep,
};

use crate::{net::Net, pipe::End};

/// How long a connection is left open after its last word, so that the word is heard.
const LINGERS: Duration = Duration::from_secs(1);

/// How a peer takes connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Serve,
    /// It accepts and never says a word: no SETTINGS.
    Mute,
    /// It says GOAWAY right after its SETTINGS, and has looked at no request.
    Flap,
}

/// GOAWAY to all that are connected, counted. They may come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Orders {
    graceful: u32,
    abrupt: u32,
}

/// What a peer does with requests.
pub trait Answers: Clone + Send + 'static {
    /// A request has arrived. What is returned is its answer, which ends with the
    /// connection.
    fn answer(
        &self,
        request: Request<RecvStream>,
        respond: SendResponse<Bytes>,
    ) -> impl Future<Output = ()> + Send + use<Self>;
}

/// Dropped, all its tasks end: its process dies. Its connections are then the network's
/// business: see [`Net::cut`].
pub struct Peer {
    orders: watch::Sender<Orders>,
    _tasks: JoinSet<()>,
}

impl Peer {
    pub fn start(net: &Net, at: SocketAddr, manner: Manner, answers: impl Answers + Sync) -> Self {
        let incoming = net.listen_as(at, manner != Manner::Mute);
        let orders = watch::Sender::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(incoming, manner, answers, orders.subscribe()));
        Self {
            orders,
            _tasks: tasks,
        }
    }

    /// A last word, and all that was begun is finished.
    pub fn leave(&self) {
        self.orders.send_modify(|orders| orders.graceful += 1);
    }

    /// GOAWAY that admits what has arrived and no more, and no answer to any of it.
    pub fn break_off(&self) {
        self.orders.send_modify(|orders| orders.abrupt += 1);
    }
}

async fn accept(
    mut incoming: mpsc::UnboundedReceiver<End>,
    manner: Manner,
    answers: impl Answers + Sync,
    orders: watch::Receiver<Orders>,
) {
    let mut connections = JoinSet::new();
    let mut held = Vec::new();
    while let Some(end) = incoming.recv().await {
        match manner {
            Manner::Mute => held.push(end),
            Manner::Serve => _ = connections.spawn(serve(end, answers.clone(), orders.clone())),
            Manner::Flap => _ = connections.spawn(flap(end)),
        }
        while connections.try_join_next().is_some() {}
    }
    while connections.join_next().await.is_some() {}
}

async fn serve(end: End, answers: impl Answers, mut orders: watch::Receiver<Orders>) {
    let before = *orders.borrow_and_update();
    let Ok(mut connection) = handshake(end).await else {
        return;
    };
    let mut calls = JoinSet::new();
    let mut broken_off = false;
    loop {
        tokio::select! {
            biased;
            // First, so that an order knows of all that has arrived.
            next = connection.accept() => match next {
                Some(Ok((request, respond))) => {
                    calls.spawn(answers.answer(request, respond));
                }
                _ => break,
            },
            Ok(()) = orders.changed(), if !broken_off => {
                let now = *orders.borrow_and_update();
                if now.abrupt > before.abrupt {
                    broken_off = true;
                    connection.abrupt_shutdown(Reason::NO_ERROR);
                    calls.abort_all();
                } else {
                    connection.graceful_shutdown();
                }
            }
            Some(_) = calls.join_next() => {}
        }
    }
    say_goodbye(connection).await;
}

/// A call that is refused leaves its body unread. h2 charges that to a budget of the
/// connection, which it never gives back, and ends the connection when it is used up: after
/// some hundred calls, for nothing that the client did. A real peer, on hyper, has a hundred
/// times as much.
async fn handshake(end: End) -> Result<Connection<End, Bytes>, h2::Error> {
    let mut server = h2::server::Builder::new();
    server.data_frame_budget(usize::MAX >> 1);
    server.handshake(end).await
}

async fn flap(end: End) {
    let Ok(mut connection) = handshake(end).await else {
        return;
    };
    connection.abrupt_shutdown(Reason::NO_ERROR);
    say_goodbye(connection).await;
}

/// The end of the stream follows the last word, but nothing is torn down before it has been
/// heard.
async fn say_goodbye(mut connection: Connection<End, Bytes>) {
    tokio::select! {
        _ = poll_fn(|cx| connection.poll_closed(cx)) => {}
        () = sleep(LINGERS) => {}
    }
    sleep(LINGERS).await;
    drop(connection);
}
