use std::{future::Future, sync::Arc};

use http::{Request, Response};
use hyper::{body::Incoming, client::conn::TrySendError};
use tokio::time::{Instant, timeout_at};
use tonic::{Status, body::Body};

use super::{Inner, ResponseBody, WaitForReady, call_guard::CallGuard, deadline, status};
use crate::{PickArgs, PickError, PickResult, subchannel::Connection};

/// How often a call that was never sent is picked again. Each time a connection closed
/// between its pick and its first byte; so many in a row is no coincidence.
const MAX_REPICKS: u32 = 16;

/// One call, in its caller's task: pick, send, and again as long as nothing was sent.
pub(super) async fn run(
    inner: Arc<Inner>,
    request: Request<Body>,
) -> Result<Response<ResponseBody>, Status> {
    let mut call = Call::new(inner, &request);
    let Some(deadline) = call.deadline else {
        return call.send(request).await;
    };
    match timeout_at(deadline, call.send(request)).await {
        Ok(result) => result,
        Err(_) => Err(call.deadline_exceeded()),
    }
}

/// What a call knows of itself.
struct Call {
    inner: Arc<Inner>,
    deadline: Option<Instant>,
    began: Instant,
    wait_for_ready: bool,
    guard: Option<CallGuard>,
    /// A pick said where to send it.
    admitted: bool,
    /// For the error, should it come to that.
    progress: Progress,
}

enum Progress {
    Queued(Option<PickError>),
    Sent(Arc<Connection>),
}

/// What one pick leads to.
enum Step<F> {
    Sent(Arc<Connection>, F),
    /// Until there is a picker newer than this.
    Wait(u64, Box<Request<Body>>),
    Fail(Status),
}

impl Call {
    fn new(inner: Arc<Inner>, request: &Request<Body>) -> Self {
        let began = Instant::now();
        let deadline =
            deadline::timeout(request.headers()).and_then(|limit| began.checked_add(limit));
        let wait_for_ready = match request.extensions().get::<WaitForReady>() {
            Some(WaitForReady(wait)) => *wait,
            None => inner.request.wait_for_ready,
        };
        Self {
            inner,
            deadline,
            began,
            wait_for_ready,
            guard: None,
            admitted: false,
            progress: Progress::Queued(None),
        }
    }

    async fn send(&mut self, mut request: Request<Body>) -> Result<Response<ResponseBody>, Status> {
        self.inner.request.complete(request.headers_mut());
        let mut repicks = 0;
        loop {
            request = match self.start(request) {
                Step::Sent(connection, response) => match response.await {
                    Ok(response) => return Ok(self.received(response, connection)),
                    Err(error) => self.not_sent(error, &connection, &mut repicks)?,
                },
                Step::Wait(version, request) => {
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
        mut request: Request<Body>,
    ) -> Step<impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Body>>>> + use<>>
    {
        let published = self.inner.shared.published();
        let args = PickArgs {
            admitted: self.admitted,
            ..PickArgs::new(request.uri().path(), request.headers())
        };
        let pick = match published.state.picker.pick(&args) {
            PickResult::Pick(pick) => pick,
            PickResult::Queue => {
                self.progress = Progress::Queued(published.state.last_error.clone());
                return Step::Wait(published.version, Box::new(request));
            }
            PickResult::Fail(error) if self.wait_for_ready => {
                self.progress = Progress::Queued(Some(error));
                return Step::Wait(published.version, Box::new(request));
            }
            PickResult::Fail(error) | PickResult::Drop(error) => {
                return Step::Fail(Status::unavailable(error.message()));
            }
        };
        let Some(connection) = pick.subchannel.connection() else {
            // It went away after the picker was made; the next picker knows.
            self.progress = Progress::Queued(published.state.last_error.clone());
            return Step::Wait(published.version, Box::new(request));
        };
        self.admitted = true;
        if self.guard.is_none() {
            self.guard = pick.tracker.map(CallGuard::start);
        }
        let authority = pick.subchannel.address().authority();
        let token = pick.subchannel.token();
        self.inner.request.address(&mut request, authority, token);
        let response = connection.sender().try_send_request(request);
        if let Some(guard) = &mut self.guard {
            guard.set_sent(true);
        }
        self.progress = Progress::Sent(Arc::clone(&connection));
        Step::Sent(connection, response)
    }

    fn received(
        &mut self,
        response: Response<Incoming>,
        connection: Arc<Connection>,
    ) -> Response<ResponseBody> {
        if let Some(guard) = &mut self.guard {
            guard.received();
        }
        let peer = connection.peer();
        let guard = self.guard.take();
        let deadline = self.deadline;
        let mut response =
            response.map(|body| ResponseBody::new(body, deadline, connection, guard));
        response.extensions_mut().insert(peer);
        response
    }

    /// A request that hyper hands back was never put on the wire: it may go elsewhere (gRPC
    /// retry design A6, transparent retries). All others may have been executed.
    fn not_sent(
        &mut self,
        mut error: TrySendError<Request<Body>>,
        connection: &Arc<Connection>,
        repicks: &mut u32,
    ) -> Result<Request<Body>, Status> {
        let Some(request) = error.take_message() else {
            return Err(status::from_hyper(error.error(), connection.peer()));
        };
        if let Some(guard) = &mut self.guard {
            guard.set_sent(false);
        }
        self.progress = Progress::Queued(None);
        *repicks += 1;
        if *repicks > MAX_REPICKS {
            return Err(status::from_hyper(error.error(), connection.peer()));
        }
        connection.retire();
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
