use std::{future::Future, sync::Arc};

use http::{Extensions, Request, Response};
use hyper::{body::Incoming, client::conn::TrySendError};
use tokio::time::{Instant, timeout_at};
use tonic::{Status, body::Body};

use super::{
    Inner, ResponseBody, WaitForReady,
    call_guard::CallGuard,
    deadline,
    replay::{Replay, RequestBody},
    status,
};
use crate::{Event, PickArgs, PickError, PickResult, subchannel::InUse};

/// How often a call that nobody looked at is picked again. Each time a connection ended
/// under it; so many in a row is no coincidence.
const MAX_REPICKS: u32 = 16;

/// How often a call is sent again that a peer refused for itself alone, its connection
/// being as good as before (A6: once).
const MAX_REFUSALS: u32 = 1;

/// One call, in its caller's task: pick, send, and again as long as nothing was sent.
pub(super) async fn run(
    inner: Arc<Inner>,
    request: Request<Body>,
) -> Result<Response<ResponseBody>, Status> {
    inner.shared.activity.call_started();
    let (replay, mut request) = Replay::record(request);
    let mut call = Call::new(inner, replay, &mut request);
    let result = match call.deadline {
        None => call.send(request).await,
        Some(deadline) => {
            let result = timeout_at(deadline, call.send(request)).await;
            result.unwrap_or_else(|_| Err(call.deadline_exceeded()))
        }
    };
    if let (Err(status), Some(guard)) = (&result, &mut call.guard) {
        guard.failed(status.code());
    }
    result
}

/// What a call knows of itself.
struct Call {
    inner: Arc<Inner>,
    deadline: Option<Instant>,
    began: Instant,
    wait_for_ready: bool,
    /// The request's, empty: HTTP/2 sends none, and the response's need not be allocated.
    extensions: Extensions,
    replay: Replay,
    guard: Option<CallGuard>,
    /// A pick said where to send it.
    admitted: bool,
    /// It had to wait, or is being sent again.
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
}

/// What one pick leads to.
enum Step<F> {
    Sent(Arc<InUse>, F),
    /// Until there is a picker newer than this.
    Wait(u64, Box<Request<RequestBody>>),
    Fail(Status),
}

impl Call {
    fn new(inner: Arc<Inner>, replay: Replay, request: &mut Request<RequestBody>) -> Self {
        let began = Instant::now();
        let deadline =
            deadline::timeout(request.headers()).and_then(|limit| began.checked_add(limit));
        let mut extensions = std::mem::take(request.extensions_mut());
        let wait_for_ready = match extensions.get::<WaitForReady>() {
            Some(WaitForReady(wait)) => *wait,
            None => inner.request.wait_for_ready,
        };
        extensions.clear();
        Self {
            inner,
            deadline,
            began,
            wait_for_ready,
            extensions,
            replay,
            guard: None,
            admitted: false,
            delayed: false,
            progress: Progress::Queued(None),
        }
    }

    async fn send(
        &mut self,
        mut request: Request<RequestBody>,
    ) -> Result<Response<ResponseBody>, Status> {
        self.inner.request.complete(request.headers_mut());
        let mut repicks = Repicks::default();
        loop {
            request = match self.start(request) {
                Step::Sent(connection, response) => match response.await {
                    Ok(response) => return Ok(self.received(response, connection)),
                    Err(error) => self.again(error, &connection, &mut repicks)?,
                },
                Step::Wait(version, request) => {
                    self.delayed = true;
                    let _waiting = self.inner.shared.activity.wait();
                    self.inner.shared.newer_than(version).await;
                    *request
                }
                Step::Fail(status) => return Err(status),
            };
        }
    }

    /// Picks and hands the request to the connection. Nothing in here waits, so that the
    /// picker is borrowed, not cloned.
    fn start(
        &mut self,
        mut request: Request<RequestBody>,
    ) -> Step<
        impl Future<Output = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>> + use<>,
    > {
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
                return Step::Wait(published.version, Box::new(request));
            }
            PickResult::Fail(error) if self.wait_for_ready => {
                observers.tell(&Event::Queued);
                self.progress = Progress::Queued(Some(error));
                return Step::Wait(published.version, Box::new(request));
            }
            PickResult::Fail(error) => {
                observers.tell(&Event::PickFailed { error: &error });
                return Step::Fail(Status::unavailable(error.message()));
            }
            PickResult::Drop(error) => {
                observers.tell(&Event::Dropped { error: &error });
                return Step::Fail(Status::unavailable(error.message()));
            }
        };
        self.admitted = true;
        if self.guard.is_none() {
            self.guard = CallGuard::start(&pick);
        }
        let Some(connection) = pick.subchannel.connection() else {
            // It went away after the picker was made; the next picker knows.
            self.progress = Progress::Queued(published.state.last_error.clone());
            return Step::Wait(published.version, Box::new(request));
        };
        self.replay.keep_head(&request);
        let authority = pick.subchannel.address().authority();
        let token = pick.subchannel.token();
        self.inner.request.address(&mut request, authority, token);
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
        let peer = connection.peer().clone();
        let guard = self.guard.take();
        let deadline = self.deadline;
        let mut response =
            response.map(|body| ResponseBody::new(body, deadline, connection, guard));
        let mut extensions = std::mem::take(&mut self.extensions);
        extensions.extend(std::mem::take(response.extensions_mut()));
        extensions.insert(peer);
        *response.extensions_mut() = extensions;
        response
    }

    /// The request to send again, if the peer cannot have executed it: hyper handed it back
    /// unsent, or the peer said that it did not look at it. (Transparent retries of the gRPC
    /// retry design, A6.) All others may have been executed.
    fn again(
        &mut self,
        mut error: TrySendError<Request<RequestBody>>,
        connection: &Arc<InUse>,
        repicks: &mut Repicks,
    ) -> Result<Request<RequestBody>, Status> {
        let unsent = error.take_message();
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
            return Err(status::from_hyper(error.error(), connection.peer()));
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
        Ok(request)
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
        })
    }
}
