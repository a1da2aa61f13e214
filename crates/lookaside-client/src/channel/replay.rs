use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};
use http_body::{Frame, SizeHint};
use tonic::{Status, body::Body};

/// A request is kept until its response begins, so that it can be sent again if the peer
/// did not look at it; but no more of its body than this.
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
    headers: HeaderMap,
}

/// A request's body that keeps what was sent of it.
pub(crate) struct RequestBody {
    recording: Arc<Mutex<Recording>>,
    /// Which sending this is; only the newest reads on.
    generation: u32,
    /// How many kept frames it has passed.
    position: usize,
}

struct Recording {
    body: Body,
    generation: u32,
    keeping: bool,
    /// Nearly all requests have one frame: no allocation for it.
    first: Option<Bytes>,
    more: Vec<Bytes>,
    size: usize,
}

impl Replay {
    /// Begins to keep a request.
    pub(super) fn record(request: Request<Body>) -> (Self, Request<RequestBody>) {
        let (parts, body) = request.into_parts();
        let recording = Arc::new(Mutex::new(Recording {
            body,
            generation: 0,
            keeping: true,
            first: None,
            more: Vec::new(),
            size: 0,
        }));
        let replay = Self {
            head: None,
            body: Arc::clone(&recording),
        };
        let body = RequestBody {
            recording,
            generation: 0,
            position: 0,
        };
        (replay, Request::from_parts(parts, body))
    }

    /// To be called before the request is sent.
    pub(super) fn keep_head(&mut self, request: &Request<RequestBody>) {
        if self.head.is_none() {
            self.head = Some(Head {
                method: request.method().clone(),
                uri: request.uri().clone(),
                headers: request.headers().clone(),
            });
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
        let body = RequestBody {
            recording: Arc::clone(&self.body),
            generation: recording.generation,
            position: 0,
        };
        let mut request = Request::new(body);
        *request.method_mut() = head.method;
        *request.uri_mut() = head.uri;
        *request.headers_mut() = head.headers;
        Some(request)
    }

    /// The response began: nothing needs to be kept any more.
    pub(super) fn commit(&self) {
        let mut recording = lock(&self.body);
        recording.keeping = false;
        recording.first = None;
        recording.more = Vec::new();
    }
}

fn lock(recording: &Mutex<Recording>) -> MutexGuard<'_, Recording> {
    recording.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recording {
    fn kept(&self, position: usize) -> Option<&Bytes> {
        match position.checked_sub(1) {
            None => self.first.as_ref(),
            Some(index) => self.more.get(index),
        }
    }

    fn keep(&mut self, frame: &Frame<Bytes>) {
        let Some(data) = frame.data_ref() else {
            self.keeping = false;
            return;
        };
        self.size += data.len();
        if self.size > MAX_KEPT {
            self.keeping = false;
            self.first = None;
            self.more = Vec::new();
        } else if self.first.is_none() {
            self.first = Some(data.clone());
        } else {
            self.more.push(data.clone());
        }
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
        if let Some(data) = recording.kept(this.position) {
            let data = data.clone();
            this.position += 1;
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        let polled = Pin::new(&mut recording.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && recording.keeping
        {
            recording.keep(frame);
            this.position += 1;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        let recording = lock(&self.recording);
        recording.kept(self.position).is_none() && recording.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let recording = lock(&self.recording);
        if recording.kept(self.position).is_some() {
            // Not worth a sum: hyper only asks whether it is known.
            return SizeHint::default();
        }
        recording.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
