//! The channel: what a generated client talks to.

mod activity;
mod body;
mod builder;
mod call;
mod call_guard;
mod deadline;
#[cfg(feature = "service-config")]
mod message_limit;
mod oversight;
mod replay;
mod request;
#[cfg(feature = "retry")]
mod retry_verdict;
mod shared;
mod spawn;
mod states;
mod status;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

pub use body::ResponseBody;
pub use builder::Builder;
use http::{Request, Response};
pub(crate) use replay::RequestBody;
pub use request::WaitForReady;
pub(crate) use request::{RequestSettings, send_to};
pub(crate) use shared::Shared;
pub(crate) use spawn::{ChannelParts, spawn};
pub use states::States;
use tokio::sync::Notify;
use tonic::{Status, body::Body};
use tower_service::Service;

use crate::{ConnectivityState, Mode, PickArgs, PickResult, WorkScheduler};

/// A gRPC channel that balances by itself; hand it to any generated tonic client.
///
/// Clones share connections and state. The channel is closed when the last clone and the
/// last call that waits for a connection are gone; calls that were sent still finish.
///
/// A channel that had no call for a while is IDLE and keeps no connections (see
/// [`Builder::idle_timeout`]); the next call wakes it, and waits for them.
///
/// It is always ready: calls wait, or fail, inside the call, since that depends on the
/// call (deadline, wait-for-ready).
#[derive(Clone)]
pub struct Channel {
    inner: Arc<Inner>,
}

/// What calls need of a channel.
pub(crate) struct Inner {
    shared: Arc<Shared>,
    request: RequestSettings,
    work: WorkScheduler,
    closed: Arc<Notify>,
    target: Box<str>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.closed.notify_one();
    }
}

impl Channel {
    /// A builder for a channel to `target`: a service's name, as its balancers know it, with
    /// [`Builder::balancers`] or other addresses beside it; a plain `HOST:PORT`; or a URI
    /// such as `dns:///orders.internal:50051`, of one of the schemes in
    /// [`ResolverRegistry`](crate::ResolverRegistry).
    pub fn builder(target: impl Into<String>) -> Builder {
        Builder::new(target.into())
    }

    /// The connectivity state.
    pub fn state(&self) -> ConnectivityState {
        self.inner.shared.status().connectivity
    }

    /// The states as they change, beginning with the one now.
    pub fn states(&self) -> States {
        States::new(Arc::clone(&self.inner.shared))
    }

    /// Leaves IDLE, as a call would, but does not wait. Does nothing in any other state.
    pub fn connect_now(&self) {
        self.inner.work.exit_idle();
    }

    /// Has everything that could not be reached tried at once, backends and balancers, and
    /// begins again with short waits between attempts; names are looked up again as soon as
    /// their resolver's least interval is over. For programs that know more than the channel
    /// does, such as that the network is back. Connections that there are stay, and an IDLE
    /// channel stays IDLE.
    pub fn reset_connect_backoff(&self) {
        self.inner.shared.wish_backoff_reset();
        self.inner.work.schedule_work();
    }

    /// Where the addresses come from at the moment.
    pub fn mode(&self) -> Mode {
        self.inner.shared.status().mode
    }

    /// Waits until the state is another than `last`, and returns it.
    pub async fn wait_for_state_change(&self, last: ConnectivityState) -> ConnectivityState {
        let changed = |status: &shared::Status| status.connectivity != last;
        self.inner.shared.wait_for(changed).await.connectivity
    }

    /// Waits until the mode is another than `last`, and returns it.
    pub async fn wait_for_mode_change(&self, last: Mode) -> Mode {
        let changed = |status: &shared::Status| status.mode != last;
        self.inner.shared.wait_for(changed).await.mode
    }

    /// What went wrong last, if the channel is not READY: the text that calls fail with.
    pub fn last_error(&self) -> Option<String> {
        let published = self.inner.shared.published();
        let error = published.state.last_error.as_ref();
        error.map(|error| error.message().to_owned())
    }

    /// One pick without a call, for measurements: whether there was a connection to pick.
    /// It takes a turn like any other pick, and counts as nothing.
    #[doc(hidden)]
    pub fn measure_pick(&self, args: &PickArgs<'_>) -> bool {
        let published = self.inner.shared.published();
        matches!(published.state.picker.pick(args), PickResult::Pick(_))
    }

    /// Which picker is in force, for measurements: a greater number for every new one.
    #[doc(hidden)]
    pub fn measure_picker(&self) -> u64 {
        self.inner.shared.published().version
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("target", &self.inner.target)
            .field("state", &self.state())
            .field("mode", &self.mode())
            .finish_non_exhaustive()
    }
}

/// A call under way.
pub struct ResponseFuture(
    Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, Status>> + Send>>,
);

impl Future for ResponseFuture {
    type Output = Result<Response<ResponseBody>, Status>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture")
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<ResponseBody>;
    type Error = Status;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> ResponseFuture {
        ResponseFuture(Box::pin(call::run(Arc::clone(&self.inner), request)))
    }
}
