use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use http_body::{Frame, SizeHint};
use tonic::{Status, body::Body};

#[cfg(feature = "service-config")]
use super::message_limit::MessageLimit;

/// A request is kept until its response begins, so that it can be sent again if the peer
/// did not look at it; but no more of its body than this, in bytes.
const MAX_KEPT: usize = 256 * 1024;

/// What is needed to send a request again. (hyper hands a request back only if it never
/// began with it. Between that and the peer's GOAWAY is a gap in which calls get lost.)
pub(super) struct Replay {
    head: Option<Head>,
    body: Arc<Mutex<Recording>>,
}

struct Head {
    method: Method,
    uri: Uri,
    /// Not a map: that would be two allocations a call.
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// A request's body that keeps what was sent of it.
pub(crate) struct RequestBody {
    recording: Arc<Mutex<Recording>>,
    /// Which sending this is; only the newest reads on.
    generation: u32,
}

struct Recording {
    body: Body,
    /// It has said that it is at its end, and need not be asked again.
    ended: bool,
    generation: u32,
    /// Frames are kept. What has been kept stays, also after that, until the newest sending
    /// has passed it.
    keeping: bool,
    /// Nearly all requests have one frame: no allocation for it.
    first: Option<Bytes>,
    more: Vec<Bytes>,
    /// Of what is kept, with what it costs to keep it.
    size: usize,
    /// How many kept frames the newest sending has passed.
    position: usize,
    /// Who sends and waits for more: to be told when somebody else does.
    sender: Option<Waker>,
    /// Why there is no more.
    failure: Option<Status>,
    #[cfg(feature = "service-config")]
    limit: Option<MessageLimit>,
}

impl RequestBody {
    /// A request that nobody sends again.
    pub(crate) fn sent_once(request: Request<Body>) -> Request<Self> {
        let (replay, request) = Replay::record(request);
        replay.commit();
        request
    }
}

impl Replay {
    /// Begins to keep a request.
    pub(super) fn record(request: Request<Body>) -> (Self, Request<RequestBody>) {
        let (parts, body) = request.into_parts();
        let recording = Arc::new(Mutex::new(Recording {
            body,
            ended: false,
            generation: 0,
            keeping: true,
            first: None,
            more: Vec::new(),
            size: 0,
            position: 0,
            sender: None,
            failure: None,
            #[cfg(feature = "service-config")]
            limit: None,
        }));
        let replay = Self {
            head: None,
            body: Arc::clone(&recording),
        };
        let body = RequestBody {
            recording,
            generation: 0,
        };
        (replay, Request::from_parts(parts, body))
    }

    /// To be called before the request is sent.
    pub(super) fn keep_head(&mut self, request: &Request<RequestBody>) {
        if self.head.is_none() {
            self.head = Some(Head {
                method: request.method().clone(),
                uri: request.uri().clone(),
                headers: request
                    .headers()
                    .iter()
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect(),
            });
        }
    }

    /// Gives a request that came back unsent this header as its caller had it: where it went
    /// is no matter of where it goes next.
    pub(super) fn restore(&self, request: &mut Request<RequestBody>, name: &HeaderName) {
        let headers = request.headers_mut();
        headers.remove(name);
        let kept = self.head.iter().flat_map(|head| &head.headers);
        for (_, value) in kept.filter(|(kept, _)| kept == name) {
            headers.append(name.clone(), value.clone());
        }
    }

    /// The request once more, from its beginning; none if not all of it was kept.
    pub(super) fn again(&mut self) -> Option<Request<RequestBody>> {
        let head = self.head.take()?;
        let mut recording = lock(&self.body);
        if !recording.keeping {
            return None;
        }
        recording.generation += 1;
        recording.position = 0;
        if let Some(sender) = recording.sender.take() {
            sender.wake();
        }
        let body = RequestBody {
            recording: Arc::clone(&self.body),
            generation: recording.generation,
        };
        let mut request = Request::new(body);
        *request.method_mut() = head.method;
        *request.uri_mut() = head.uri;
        for (name, value) in head.headers {
            request.headers_mut().append(name, value);
        }
        Some(request)
    }

    /// Why the request's body broke off, if it did: its connection only knows that it did.
    pub(super) fn take_failure(&self) -> Option<Status> {
        lock(&self.body).failure.take()
    }

    /// From now on its messages are checked.
    #[cfg(feature = "service-config")]
    pub(super) fn limit_messages(&self, limit: MessageLimit) {
        lock(&self.body).limit = Some(limit);
    }

    /// The response began: the request is not sent again, so nothing more needs to be kept.
    pub(super) fn commit(&self) {
        lock(&self.body).stop_keeping();
    }
}

fn lock(recording: &Mutex<Recording>) -> MutexGuard<'_, Recording> {
    recording.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recording {
    /// The next kept frame of the newest sending.
    fn kept(&self) -> Option<&Bytes> {
        match self.position.checked_sub(1) {
            None => self.first.as_ref(),
            Some(index) => self.more.get(index),
        }
    }

    fn next_kept(&mut self) -> Option<Bytes> {
        let data = self.kept()?.clone();
        self.position += 1;
        self.release();
        Some(data)
    }

    fn stop_keeping(&mut self) {
        self.keeping = false;
        self.release();
    }

    /// Lets go of what nobody will ask for any more. A response may begin while the request
    /// is still being sent again: what that sending has not passed yet is part of it.
    fn release(&mut self) {
        if !self.keeping && self.kept().is_none() {
            self.first = None;
            self.more = Vec::new();
            self.position = 0;
        }
    }

    /// More of the body itself.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(failure) = &self.failure {
            return Poll::Ready(Some(Err(failure.clone())));
        }
        let polled = http_body::Body::poll_frame(Pin::new(&mut self.body), cx);
        #[cfg(feature = "service-config")]
        if let (Poll::Ready(Some(Ok(frame))), Some(limit)) = (&polled, &mut self.limit)
            && let Some(Err(status)) = frame.data_ref().map(|data| limit.check(data, "request"))
        {
            return Poll::Ready(Some(Err(status)));
        }
        polled
    }

    /// Takes note of what the newest sending got from the body.
    fn note(&mut self, frame: Option<&Result<Frame<Bytes>, Status>>) {
        match frame {
            Some(Ok(frame)) if self.keeping => match frame.data_ref() {
                Some(data) => self.keep(data),
                None => self.stop_keeping(),
            },
            Some(Ok(_)) => {}
            // A body that failed must not be taken for one that is complete.
            Some(Err(status)) => {
                self.failure = Some(status.clone());
                self.stop_keeping();
            }
            None => self.ended = true,
        }
    }

    fn keep(&mut self, data: &Bytes) {
        self.size += data.len() + size_of::<Bytes>();
        if self.size > MAX_KEPT {
            self.stop_keeping();
            return;
        }
        if self.first.is_none() {
            self.first = Some(data.clone());
        } else {
            self.more.push(data.clone());
        }
        self.position += 1;
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let mut recording = lock(&this.recording);
        if recording.generation != this.generation {
            // It is being sent elsewhere; this sending is over.
            return Poll::Ready(Some(Err(Status::cancelled("sent elsewhere"))));
        }
        if let Some(data) = recording.next_kept() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if recording.ended {
            return Poll::Ready(None);
        }
        let polled = recording.poll_body(cx);
        match &polled {
            Poll::Ready(frame) => recording.note(frame.as_ref()),
            // After the response has begun nobody else will send.
            Poll::Pending if recording.keeping => {
                let sender = &mut recording.sender;
                if !sender
                    .as_ref()
                    .is_some_and(|known| known.will_wake(cx.waker()))
                {
                    *sender = Some(cx.waker().clone());
                }
            }
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        let recording = lock(&self.recording);
        recording.kept().is_none() && (recording.ended || recording.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let recording = lock(&self.recording);
        if recording.kept().is_some() {
            // Not worth a sum: hyper only asks whether it is known.
            return SizeHint::default();
        }
        recording.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
