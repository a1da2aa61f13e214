use std::{convert::Infallible, pin::Pin, sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http2, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    executor::StreamExecutor,
    hello::Hello,
    stop::{Graceful, Stop, UntilStopped},
};
use crate::{Limits, http::ResponseBody, tls::spoke_tls};

/// Requests are load reports of a few hundred bytes: these windows bound what a client
/// can make us hold.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// What a peer may send as request headers. gRPC's own take a tenth of it.
const MAX_HEADER_LIST: u32 = 16 * 1024;

/// Streams of a connection beside those that the limits allow for `BalanceLoad`, for
/// health checks, reflection and people; and the least to announce at all, because
/// channels of one process share their connection.
const OTHER_STREAMS: usize = 28;
const MIN_STREAMS: usize = 128;

/// To find out about clients that are gone without a word. At 50,000 connections these
/// are 1,700 PINGs a second. PINGs *from* clients are answered whenever they come: h2
/// has no notion of too many (grpc-go sends one every 20 s even without a stream).
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

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

/// Serves HTTP/2, which clients of a gRPC server are known to speak.
#[derive(Clone, Debug)]
pub(crate) struct Http2(http2::Builder<StreamExecutor>);

impl Http2 {
    pub(crate) fn new(executor: StreamExecutor, limits: &Limits) -> Self {
        let mut builder = http2::Builder::new(executor);
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_HEADER_LIST)
            .max_concurrent_streams(max_concurrent_streams(limits))
            .max_send_buf_size(SEND_BUFFER)
            .keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .auto_date_header(false);
        Self(builder)
    }

    /// Serves one connection to its end, or until it is stopped. Says whether it had to
    /// end because the peer spoke TLS.
    pub(crate) async fn serve<IO, S>(&self, io: IO, service: S, stop: Arc<Stop>) -> bool
    where
        IO: AsyncRead + AsyncWrite + Unpin,
        S: Answer,
    {
        let connection = self
            .0
            .serve_connection(TokioIo::new(Hello::new(io)), service);
        match UntilStopped::new(connection, stop).await {
            Some(Err(error)) => {
                tracing::debug!(%error, "connection ended");
                spoke_tls(&error)
            }
            _ => false,
        }
    }
}

/// Serves HTTP/2 and HTTP/1: operators come with gRPC tools, browsers and scrapers.
#[derive(Clone, Debug)]
pub(crate) struct Http2OrHttp1(auto::Builder<StreamExecutor>);

impl Http2OrHttp1 {
    pub(crate) fn new(executor: StreamExecutor, limits: &Limits) -> Self {
        let mut builder = auto::Builder::new(executor);
        builder.http1().timer(TokioTimer::new());
        builder
            .http2()
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_HEADER_LIST)
            .max_concurrent_streams(max_concurrent_streams(limits))
            .max_send_buf_size(SEND_BUFFER)
            .keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT);
        Self(builder)
    }

    /// As [`Http2::serve`].
    pub(crate) async fn serve<IO, S>(&self, io: IO, service: S, stop: Arc<Stop>) -> bool
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Answer + Send,
    {
        let connection = self
            .0
            .serve_connection(TokioIo::new(Hello::new(io)), service);
        match UntilStopped::new(connection, stop).await {
            Some(Err(error)) => {
                tracing::debug!(%error, "admin connection ended");
                spoke_tls(&*error)
            }
            _ => false,
        }
    }
}

fn max_concurrent_streams(limits: &Limits) -> u32 {
    match limits.streams_per_connection {
        0 => u32::MAX,
        limit => u32::try_from((limit + OTHER_STREAMS).max(MIN_STREAMS)).unwrap_or(u32::MAX),
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
