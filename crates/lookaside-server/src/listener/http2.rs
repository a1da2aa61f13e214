use std::{convert::Infallible, future::Future, pin::Pin, sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http2, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    Connection, MAX_OTHER_REQUESTS,
    executor::StreamExecutor,
    guarded::Guarded,
    idle::Idle,
    served::Served,
    stop::{Graceful, Stop, UntilStopped},
};
use crate::{Connections, Limits, http::ResponseBody, metrics::Metrics, tls::spoke_tls};

/// Requests are load reports of a few hundred bytes: these windows bound what a client
/// can make us hold. HTTP/2 has no smaller one for a connection.
const STREAM_WINDOW: u32 = 16 * 1024;
const CONNECTION_WINDOW: u32 = 64 * 1024 - 1;

/// The fewest streams of a connection to announce, because channels of one process share
/// theirs.
const MIN_STREAMS: usize = 128;

/// How many streams a client may have reset that nobody has looked at yet, before it is
/// sent away: those count as streams no more, but are still held. h2's own default, made
/// ours, because it is the guard against the "rapid reset" attack (CVE-2023-44487).
const RESET_UNSEEN: usize = 20;

/// How many times a connection may make us reset a stream for its client's error. A
/// client without errors makes none, and each costs a frame and a place in h2's table.
const RESET_FOR_ERRORS: usize = 128;

/// How much of a stream may wait in h2 for its client to read, beyond one payload, which
/// h2 takes as a whole as long as less than this is waiting.
const SEND_BUFFER: usize = 256;

/// What answers requests.
pub(crate) trait Answer:
    Service<
        Request<Incoming>,
        Response = Response<ResponseBody>,
        Error = Infallible,
        Future: Send + 'static,
    >
{
}

impl<S> Answer for S where
    S: Service<
            Request<Incoming>,
            Response = Response<ResponseBody>,
            Error = Infallible,
            Future: Send + 'static,
        >
{
}

/// What connections are served with.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    connections: Connections,
    write_limit: Duration,
    max_streams: u32,
    metrics: Arc<Metrics>,
}

impl Http {
    pub(crate) fn new(
        limits: &Limits,
        connections: &Connections,
        write_limit: Duration,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            connections: connections.clone(),
            write_limit,
            max_streams: max_concurrent_streams(limits),
            metrics,
        }
    }

    /// Serves HTTP/2, which clients of a gRPC server are known to speak, until the
    /// connection ends or is stopped. Says whether it had to end because the peer spoke TLS.
    pub(crate) fn serve_http2<IO, S>(
        &self,
        io: IO,
        service: S,
        connection: Arc<Connection>,
        stop: Arc<Stop>,
    ) -> impl Future<Output = bool> + use<IO, S>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
        S: Answer,
    {
        let settings = &self.connections;
        let mut builder = http2::Builder::new(self.executor(&connection));
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(settings.max_headers)
            .max_concurrent_streams(self.max_streams)
            .max_pending_accept_reset_streams(RESET_UNSEEN)
            .max_local_error_reset_streams(RESET_FOR_ERRORS)
            .max_send_buf_size(SEND_BUFFER)
            .keep_alive_interval(self.keepalive())
            .keep_alive_timeout(settings.keepalive_timeout)
            .auto_date_header(false);
        let served = builder.serve_connection(self.guard(io), service);
        let metrics = Arc::clone(&self.metrics);
        Served::new(self.until_stopped(served, connection, stop), metrics)
    }

    /// As [`Http::serve_http2`], and HTTP/1: operators come with gRPC tools, browsers and
    /// scrapers.
    pub(crate) async fn serve_any<IO, S>(
        &self,
        io: IO,
        service: S,
        connection: Arc<Connection>,
        stop: Arc<Stop>,
    ) -> bool
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Answer + Send,
    {
        let settings = &self.connections;
        let mut builder = auto::Builder::new(self.executor(&connection));
        builder.http1().timer(TokioTimer::new());
        builder
            .http2()
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(settings.max_headers)
            .max_concurrent_streams(self.max_streams)
            .max_pending_accept_reset_streams(RESET_UNSEEN)
            .max_local_error_reset_streams(RESET_FOR_ERRORS)
            .max_send_buf_size(SEND_BUFFER)
            .keep_alive_interval(self.keepalive())
            .keep_alive_timeout(settings.keepalive_timeout);
        let served = builder.serve_connection(self.guard(io), service);
        match self.until_stopped(served, connection, stop).await {
            Some(Err(error)) => {
                tracing::debug!(%error, "admin connection ended");
                spoke_tls(&*error)
            }
            Some(Ok(())) | None => false,
        }
    }

    fn executor(&self, connection: &Arc<Connection>) -> StreamExecutor {
        let (connection, metrics) = (Arc::clone(connection), Arc::clone(&self.metrics));
        StreamExecutor::new(connection, self.write_limit, metrics)
    }

    fn guard<IO>(&self, io: IO) -> TokioIo<Guarded<IO>> {
        let metrics = Arc::clone(&self.metrics);
        TokioIo::new(Guarded::new(
            io,
            &self.connections,
            self.write_limit,
            metrics,
        ))
    }

    fn keepalive(&self) -> Option<Duration> {
        Some(self.connections.keepalive).filter(|interval| !interval.is_zero())
    }

    fn until_stopped<C: Graceful>(
        &self,
        served: C,
        connection: Arc<Connection>,
        stop: Arc<Stop>,
    ) -> UntilStopped<C> {
        let idle = Idle::new(connection, self.connections.idle);
        UntilStopped::new(served, stop, idle, Arc::clone(&self.metrics))
    }
}

fn max_concurrent_streams(limits: &Limits) -> u32 {
    match limits.streams_per_connection {
        0 => u32::MAX,
        limit => u32::try_from((limit + MAX_OTHER_REQUESTS).max(MIN_STREAMS)).unwrap_or(u32::MAX),
    }
}

impl<IO, S> Graceful for http2::Connection<TokioIo<IO>, S, StreamExecutor>
where
    IO: AsyncRead + AsyncWrite + Unpin,
    S: Answer,
{
    fn go_away(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<IO, S> Graceful for auto::Connection<'_, TokioIo<IO>, S, StreamExecutor>
where
    IO: AsyncRead + AsyncWrite + Unpin + 'static,
    S: Answer,
{
    fn go_away(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

#[cfg(test)]
mod tests;
