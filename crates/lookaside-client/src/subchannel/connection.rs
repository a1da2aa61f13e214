use std::{
    fmt,
    future::Future,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{
            AtomicBool,
            Ordering::{AcqRel, Relaxed},
        },
    },
    time::Duration,
};

use http::uri::Scheme;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
};

use super::{
    open_connections::{OpenConnection, OpenConnections},
    watched_io::{FrameWatch, WatchedIo},
};
use crate::{Address, Connector, Endpoint, channel::RequestBody};

/// How long a connection that no call uses any more may take to say goodbye before it
/// is cut: a GOAWAY and a close, which a dead peer never lets through.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// HTTP/2 pings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeepAlive {
    /// After so long without a frame from the peer, ping.
    pub(crate) interval: Duration,
    /// Without an answer for so long, the connection is dead.
    pub(crate) timeout: Duration,
    /// Also while no call is open.
    pub(crate) without_calls: bool,
}

/// What all connections of a channel have in common.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ConnectionSettings {
    pub(crate) keep_alive: Option<KeepAlive>,
}

/// An HTTP/2 connection whose peer has sent its SETTINGS.
///
/// Calls beyond the peer's limit of concurrent streams wait inside it, in hyper's queue:
/// `SendRequest` is ready as long as it is open, whatever that limit. Such a call has not
/// been sent, and is handed back if the connection ends first.
pub(crate) struct Connection {
    sender: SendRequest<RequestBody>,
    secure: bool,
    in_use: Arc<InUse>,
}

/// What a call that was sent keeps of its connection: all but the sender.
///
/// A request that enters hyper's queue just as the connection ends is handed back when
/// the queue is freed, which is when its last sender is dropped. A call that held one
/// while it waits would wait for ever.
pub(crate) struct InUse {
    peer: Endpoint,
    retired: AtomicBool,
    _counted: OpenConnection,
    /// Dropped with the last holder: the slot it came from, and every call on it.
    _alive: oneshot::Sender<()>,
}

/// The end of a connection, for its actor.
pub(super) struct ConnectionEnd {
    /// Resolves when no call can be sent any more: why.
    pub(super) closed: oneshot::Receiver<String>,
    /// Notified at a GOAWAY.
    pub(super) go_away: Arc<Notify>,
    /// Whether the peer has answered any call.
    pub(super) answered: Arc<AtomicBool>,
}

impl Connection {
    /// Connects and waits for the peer's SETTINGS: hyper's handshake does not, so a port
    /// that accepts and stays silent would pass for a server. Dropping the future ends
    /// all that it began.
    pub(super) async fn open(
        connector: &dyn Connector,
        address: &Address,
        settings: ConnectionSettings,
        open: &OpenConnections,
    ) -> io::Result<(Self, ConnectionEnd)> {
        let transport = connector.connect(address).await?;
        let secure = transport.is_secure();
        let (
            io,
            FrameWatch {
                settings: ready,
                go_away,
                answered,
            },
        ) = WatchedIo::new(transport);
        let driver = Driver::default();
        let mut builder = http2::Builder::new(driver.clone());
        builder.timer(TokioTimer::new());
        if let Some(keep_alive) = settings.keep_alive {
            builder
                .keep_alive_interval(keep_alive.interval)
                .keep_alive_timeout(keep_alive.timeout)
                .keep_alive_while_idle(keep_alive.without_calls);
        }
        let handshake = builder.handshake(TokioIo::new(io));
        let (sender, dispatch) = handshake.await.map_err(io::Error::other)?;
        // Until the supervisor takes over, the driver ends with this future.
        let task = AbortOnDrop(driver.take());
        ready.await.map_err(|_| {
            io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "closed before the HTTP/2 SETTINGS",
            )
        })?;

        let (alive, unused) = oneshot::channel();
        let (closing, closed) = oneshot::channel();
        tokio::spawn(supervise(dispatch, closing, unused, task));
        let connection = Self {
            sender,
            secure,
            in_use: Arc::new(InUse {
                peer: address.endpoint().clone(),
                retired: AtomicBool::new(false),
                _counted: open.add(),
                _alive: alive,
            }),
        };
        let end = ConnectionEnd {
            closed,
            go_away,
            answered,
        };
        Ok((connection, end))
    }

    /// A handle to send one request with, to be dropped at once.
    pub(crate) fn sender(&self) -> SendRequest<RequestBody> {
        self.sender.clone()
    }

    /// What calls over it have as `:scheme`.
    pub(crate) fn scheme(&self) -> Scheme {
        if self.secure {
            Scheme::HTTPS
        } else {
            Scheme::HTTP
        }
    }

    /// What the call keeps while it is open.
    pub(crate) fn in_use(&self) -> Arc<InUse> {
        Arc::clone(&self.in_use)
    }

    /// Who is at the other end.
    pub(super) fn peer(&self) -> &Endpoint {
        &self.in_use.peer
    }

    /// Whether a call is open on it.
    pub(super) fn has_calls(&self) -> bool {
        // One is its own.
        Arc::strong_count(&self.in_use) > 1
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.in_use.retired.load(Relaxed)
    }
}

impl InUse {
    /// It handed a request back: it is closed, though its actor may not know yet.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Relaxed);
    }

    /// Who is at the other end.
    pub(crate) fn peer(&self) -> &Endpoint {
        &self.peer
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("peer", &self.in_use.peer)
            .finish_non_exhaustive()
    }
}

/// Runs hyper's dispatcher, then lets the calls that are open finish, then sees the
/// connection closed. Ends with the last call at the latest, since an [`InUse`] lives in
/// its subchannel and its calls only.
async fn supervise(
    dispatch: impl Future<Output = hyper::Result<()>>,
    closing: oneshot::Sender<String>,
    unused: oneshot::Receiver<()>,
    mut driver: AbortOnDrop,
) {
    let why = match dispatch.await {
        Ok(()) => "closed by the peer".to_owned(),
        Err(error) => describe(&error),
    };
    // The actor is gone when its subchannel was shut down.
    let _ = closing.send(why);
    // An error: the sender was dropped, which is what this waits for.
    let _ = unused.await;
    if let Some(task) = &mut driver.0 {
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, task).await;
    }
}

/// An error and its causes, in one line.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Runs hyper's tasks. The first task of a connection drives its I/O and belongs to the
/// supervisor; all later ones carry one call each, and end with the call or the driver.
#[derive(Clone, Default)]
struct Driver(Arc<DriverSlot>);

#[derive(Default)]
struct DriverSlot {
    started: AtomicBool,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Driver {
    fn take(&self) -> Option<JoinHandle<()>> {
        let mut task = self.0.task.lock().unwrap_or_else(PoisonError::into_inner);
        task.take()
    }
}

impl<F> hyper::rt::Executor<F> for Driver
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        let task = tokio::spawn(future);
        if !self.0.started.swap(true, AcqRel) {
            *self.0.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        }
    }
}

struct AbortOnDrop(Option<JoinHandle<()>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}
