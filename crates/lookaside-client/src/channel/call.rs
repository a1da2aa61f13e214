#[cfg(feature = "service-config")]
mod configure;
mod failure;
#[cfg(not(feature = "retry"))]
mod no_retry;
#[cfg(feature = "retry")]
mod retry;

use std::{future::Future, ops::ControlFlow, pin::Pin, sync::Arc};

use http::{Extensions, HeaderMap, Request, Response};
use hyper::{body::Incoming, client::conn::TrySendError};
use tokio::time::{Instant, timeout_at};
use tonic::{Status, body::Body};

use self::failure::Failure;
use super::{
    Inner, ResponseBody, WaitForReady,
    call_guard::CallGuard,
    deadline,
    oversight::Oversight,
    replay::{Replay, RequestBody},
    request::LB_TOKEN,
    status,
};
use crate::{
    Event, Mode, Peer, PickArgs, PickError, PickResult, peer::LastPick, subchannel::InUse,
};

#[cfg(feature = "service-config")]
use super::message_limit::MessageLimit;

/// How often a call that nobody looked at is picked again. Each time a connection ended
/// under it; so many in a row is no coincidence.
const MAX_REPICKS: u32 = 16;

/// How often a call is sent again that a peer refused for itself alone, its connection
/// being as good as before (A6: once).
const MAX_REFUSALS: u32 = 1;

/// One call, in its caller's task: pick, send, and again as long as nothing was sent.
///
/// Not an `async fn`, and the request lives in the call: each argument of one is kept
/// twice, and a future is copied to where it is kept.
pub(super) fn run(
    inner: Arc<Inner>,
    request: Request<Body>,
) -> impl Future<Output = Result<Response<ResponseBody>, Status>> + Send + use<> {
    inner.shared.activity.call_started();
    let (replay, request) = Replay::record(request);
    let mut call = Call::new(inner, replay, request);
    async move {
        let result = call.drive().await;
        if let (Err(status), Some(guard)) = (&result, &mut call.guard) {
            guard.failed(status.code());
        }
        result
    }
}

/// What a call knows of itself.
struct Call {
    inner: Arc<Inner>,
    deadline: Option<Instant>,
    began: Instant,
    wait_for_ready: bool,
    /// Its caller said so, or the opposite.
    #[cfg(feature = "service-config")]
    said_wait: bool,
    #[cfg(feature = "service-config")]
    response_limit: Option<MessageLimit>,
    #[cfg(feature = "retry")]
    retry: retry::Retry,
    /// The request's, empty: HTTP/2 sends none, and the response's need not be allocated.
    extensions: Extensions,
    replay: Replay,
    /// Not while it is with a connection.
    request: Option<Request<RequestBody>>,
    guard: Option<CallGuard>,
    /// A pick said where to send it.
    admitted: bool,
    last_pick: LastPick,
    /// Its headers do not say how much of its time is left: it had to wait, is being sent
    /// again, or was given another limit.
    delayed: bool,
    /// For the error, should it come to that.
    progress: Progress,
}

#[derive(Default)]
struct Repicks {
    ended: u32,
    refused: u32,
}

enum Progress {
    Queued(Option<PickError>),
    Sent(Arc<InUse>),
    /// For the next attempt: why there must be one.
    #[cfg(feature = "retry")]
    Waiting(String),
}

/// How a call ends, if it does.
type Ending = ControlFlow<Result<Response<ResponseBody>, Status>>;

/// What one pick leads to.
enum Step<F> {
    Sent(Arc<InUse>, F),
    /// Until there is a picker newer than this.
    Wait(u64),
    Fail(Status),
    /// Whatever else is to be said of it.
    Drop(Status),
}

impl Call {
    fn new(inner: Arc<Inner>, replay: Replay, mut request: Request<RequestBody>) -> Self {
        let began = Instant::now();
        let deadline =
            deadline::timeout(request.headers()).and_then(|limit| began.checked_add(limit));
        let mut extensions = std::mem::take(request.extensions_mut());
        let said = extensions.get().map(|WaitForReady(wait)| *wait);
        extensions.clear();
        inner.request.complete(request.headers_mut());
        Self {
            deadline,
            began,
            wait_for_ready: said.unwrap_or(inner.request.wait_for_ready),
            #[cfg(feature = "service-config")]
            said_wait: said.is_some(),
            #[cfg(feature = "service-config")]
            response_limit: None,
            #[cfg(feature = "retry")]
            retry: retry::Retry::default(),
            inner,
            extensions,
            replay,
            request: Some(request),
            guard: None,
            admitted: false,
            last_pick: LastPick::default(),
            delayed: false,
            progress: Progress::Queued(None),
        }
    }

    async fn drive(&mut self) -> Result<Response<ResponseBody>, Status> {
        #[cfg(feature = "service-config")]
        if !self.apply_config() {
            // Boxed: only the first calls of a channel wait for it.
            Box::pin(self.await_config_in_time()).await?;
        }
        let Some(deadline) = self.deadline else {
            return self.send().await;
        };
        let result = timeout_at(deadline, self.send()).await;
        result.unwrap_or_else(|_| Err(self.deadline_exceeded()))
    }

    async fn send(&mut self) -> Result<Response<ResponseBody>, Status> {
        let mut repicks = Repicks::default();
        loop {
            // A statement of its own: nothing of the step is kept while its answer is awaited.
            let (connection, response) = match self.start() {
                Step::Sent(connection, response) => (connection, response),
                Step::Wait(version) => {
                    self.wait_for_picker(version).await;
                    continue;
                }
                Step::Fail(status) => match self.fail(Failure::Unsent(status)).await {
                    ControlFlow::Continue(()) => continue,
                    ControlFlow::Break(result) => return result,
                },
                Step::Drop(status) => return Err(status),
            };
            let failure = match response.await {
                Ok(response) => match self.failure_in(&response) {
                    None => return Ok(self.received(response, connection)),
                    Some(code) => Failure::Answer(code, response, connection),
                },
                Err(error) => match self.again(error, &connection, &mut repicks) {
                    Ok(()) => continue,
                    Err(status) => Failure::Broken(status),
                },
            };
            if let ControlFlow::Break(result) = self.fail(failure).await {
                return result;
            }
        }
    }

    /// Boxed, as most calls neither wait nor fail: a future has room for all that it may
    /// ever wait for.
    fn wait_for_picker(&mut self, version: u64) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.delayed = true;
        Box::pin(async move {
            let _waiting = self.inner.shared.activity.wait();
            self.inner.shared.newer_than(version).await;
        })
    }

    /// An attempt failed: there is another one, or the call ends so.
    fn fail(&mut self, failure: Failure) -> Pin<Box<dyn Future<Output = Ending> + Send + '_>> {
        Box::pin(async move {
            match self.try_again(failure).await {
                Ok(()) => ControlFlow::Continue(()),
                Err(Failure::Answer(_, response, connection)) => {
                    ControlFlow::Break(Ok(self.received(response, connection)))
                }
                Err(Failure::Broken(status) | Failure::Unsent(status)) => {
                    ControlFlow::Break(Err(status))
                }
            }
        })
    }

    /// Picks and hands the request to the connection. Nothing in here waits, so that the
    /// picker is borrowed, not cloned.
    fn start(
        &mut self,
    ) -> Step<
        impl Future<Output = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>> + use<>,
    > {
        let Some(mut request) = self.request.take() else {
            // Cannot be: who hands it on has it back, or ends the call.
            return Step::Drop(Status::internal("the request is gone"));
        };
        let published = self.inner.shared.published();
        let observers = &self.inner.shared.observers;
        let args = PickArgs {
            admitted: self.admitted,
            ..PickArgs::new(request.uri().path(), request.headers())
        };
        let pick = match published.state.picker.pick(&args) {
            PickResult::Pick(pick) => pick,
            PickResult::Queue => {
                observers.tell(&Event::Queued);
                self.progress = Progress::Queued(published.state.last_error.clone());
                self.request = Some(request);
                return Step::Wait(published.version);
            }
            PickResult::Fail(error) if self.wait_for_ready => {
                observers.tell(&Event::Queued);
                self.progress = Progress::Queued(Some(error));
                self.request = Some(request);
                return Step::Wait(published.version);
            }
            PickResult::Fail(error) => {
                observers.tell(&Event::PickFailed { error: &error });
                let status = Status::unavailable(error.message());
                self.request = Some(request);
                return Step::Fail(status);
            }
            PickResult::Drop(error) => {
                observers.tell(&Event::Dropped { error: &error });
                return Step::Drop(Status::unavailable(error.message()));
            }
        };
        self.admitted = true;
        if self.guard.is_none() {
            self.guard = CallGuard::start(&pick);
        }
        let Some(connection) = pick.subchannel.connection() else {
            // It went away after the picker was made; the next picker knows.
            self.progress = Progress::Queued(published.state.last_error.clone());
            self.request = Some(request);
            return Step::Wait(published.version);
        };
        self.replay.keep_head(&request);
        let authority = pick.subchannel.address().authority();
        let token = pick.subchannel.token();
        let (scheme, mode) = (connection.scheme(), published.state.mode);
        let settings = &self.inner.request;
        let balanced = mode != Mode::Direct;
        settings.address(&mut request, scheme, authority, token, balanced);
        self.last_pick.next(mode, token);
        if let (true, Some(deadline)) = (self.delayed, self.deadline) {
            let remaining = deadline.saturating_duration_since(Instant::now());
            deadline::set_remaining(request.headers_mut(), remaining);
        }
        observers.tell(&Event::Picked {
            address: pick.subchannel.address(),
        });
        let response = connection.sender().try_send_request(request);
        if let Some(guard) = &mut self.guard {
            guard.attempt(&pick);
        }
        let connection = connection.in_use();
        self.progress = Progress::Sent(Arc::clone(&connection));
        Step::Sent(connection, response)
    }

    fn received(
        &mut self,
        response: Response<Incoming>,
        connection: Arc<InUse>,
    ) -> Response<ResponseBody> {
        self.replay.commit();
        if let Some(guard) = &mut self.guard {
            guard.received(response.headers());
        }
        let endpoint = connection.peer().clone();
        let peer = Peer::new(endpoint, std::mem::take(&mut self.last_pick));
        let oversight = self.oversight(response.headers());
        let deadline = self.deadline;
        let mut response =
            response.map(|body| ResponseBody::new(body, deadline, connection, oversight));
        let mut extensions = std::mem::take(&mut self.extensions);
        extensions.extend(std::mem::take(response.extensions_mut()));
        extensions.insert(peer);
        *response.extensions_mut() = extensions;
        response
    }

    fn oversight(&mut self, _headers: &HeaderMap) -> Oversight {
        #[cfg(feature = "retry")]
        let verdict = self.retry.verdict().and_then(|verdict| {
            let Some(code) = status::grpc_status(_headers) else {
                return Some(verdict);
            };
            verdict.answered(code);
            None
        });
        Oversight {
            guard: self.guard.take(),
            #[cfg(feature = "service-config")]
            limit: self.response_limit.take(),
            #[cfg(feature = "retry")]
            verdict,
        }
    }

    /// Has the request to send again, if the peer cannot have executed it: hyper handed it back
    /// unsent, or the peer said that it did not look at it. (Transparent retries of the gRPC
    /// retry design, A6.) All others may have been executed.
    fn again(
        &mut self,
        mut error: TrySendError<Request<RequestBody>>,
        connection: &Arc<InUse>,
        repicks: &mut Repicks,
    ) -> Result<(), Status> {
        let unsent = error.take_message().map(|mut request| {
            self.replay.restore(&mut request, &LB_TOKEN);
            request
        });
        let refused = status::is_refused_stream(error.error());
        let request = if refused {
            repicks.refused += 1;
            let again = repicks.refused <= MAX_REFUSALS;
            again.then(|| self.replay.again()).flatten()
        } else {
            repicks.ended += 1;
            let unprocessed = || status::is_unprocessed(error.error());
            unsent
                .or_else(|| unprocessed().then(|| self.replay.again()).flatten())
                .filter(|_| repicks.ended <= MAX_REPICKS)
        };
        let Some(request) = request else {
            let own = self.replay.take_failure();
            let status = || status::from_hyper(error.error(), connection.peer());
            return Err(own.unwrap_or_else(status));
        };
        tracing::debug!(peer = %connection.peer(), "not sent, picking again");
        if let Some(guard) = &mut self.guard {
            guard.unsent();
        }
        self.progress = Progress::Queued(None);
        self.delayed = true;
        if !refused {
            connection.retire();
        }
        self.request = Some(request);
        Ok(())
    }

    fn deadline_exceeded(&self) -> Status {
        let waited = self.began.elapsed();
        Status::deadline_exceeded(match &self.progress {
            Progress::Sent(connection) => {
                format!("{}: no response within {waited:.1?}", connection.peer())
            }
            Progress::Queued(None) => {
                format!("not sent within {waited:.1?}: waiting for a connection")
            }
            Progress::Queued(Some(error)) => {
                format!("not sent within {waited:.1?}: waiting for a connection: {error}")
            }
            #[cfg(feature = "retry")]
            Progress::Waiting(why) => {
                format!("no success within {waited:.1?}: waiting to try again after {why}")
            }
        })
    }
}
