use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame};
use lookaside_core::Variant;
use lookaside_proto::lb::{
    LoadBalanceRequest, load_balance_request::LoadBalanceRequestType as Kind,
};
use prost::Message;
use tokio::time::{Sleep, sleep};
use tonic::Status;

use super::{
    admission::Permit,
    frame_reader::{FrameError, FrameReader},
    service::Shared,
};
use crate::{
    encode::MAX_HEAD_BYTES,
    http::{Flight, Payload},
    listener::watch,
    metrics::StreamEnd,
    table::{OpenStream, StreamRecord},
    topic::{Content, Subscription, Topic},
};

/// The response of one stream: the initial response, and then whatever is newest whenever
/// there is room for it. Polled by hyper within the stream's task; reads the client's
/// load reports on the way.
pub(crate) struct BalanceBody<B> {
    ended: bool,
    /// Why it ends by itself.
    reason: Option<StreamEnd>,
    /// `None` once the client has half-closed.
    requests: Option<B>,
    reader: FrameReader,
    /// Ends the stream, while a message has begun and not ended: hardly ever there.
    unfinished: Option<Pin<Box<Sleep>>>,
    subscription: Subscription,
    stream: OpenStream,
    /// What others see of it.
    record: Arc<StreamRecord>,
    /// The stream of a service that is unknown yet, once it is known.
    known: Option<Known>,
    shared: Arc<Shared>,
    /// The rotation of the next list.
    rotation: usize,
    /// `None` before the first list, and while the client is in fallback.
    variant: Option<Variant>,
    rng: fastrand::Rng,
    /// What to end with once the last push has left, because the client broke a rule.
    failure: Option<Status>,
    /// The head of the next push as far as it is known: the initial response before the
    /// first, which goes out with it. Memory that is used again and again.
    head: BytesMut,
    /// Whether the stream's task knows where to look for the last push.
    watched: bool,
    _permit: Permit,
}

/// Where a stream moves that was opened for a service nobody knew.
pub(super) type Known = Pin<Box<dyn Future<Output = OpenStream> + Send>>;

impl<B> fmt::Debug for BalanceBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BalanceBody")
            .field("stream", &self.stream)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// How many messages are read in one poll: a client that sends without end must not keep
/// a thread to itself.
const MESSAGES_PER_POLL: usize = 64;

/// How long a message may take from its first byte to its last, on an admitted stream. As
/// long as a client may by default pause in taking lists; the largest message needs two
/// kilobytes a second to make it.
const MESSAGE_PATIENCE: Duration = Duration::from_secs(30);

impl<B: Body<Data = Bytes> + Unpin> BalanceBody<B> {
    pub(super) fn new(
        requests: B,
        reader: FrameReader,
        (mut stream, known): (OpenStream, Option<Known>),
        permit: Permit,
        user_agent: Option<Box<str>>,
        shared: Arc<Shared>,
    ) -> Self {
        let mut rng = fastrand::Rng::new();
        let connection = Arc::clone(permit.connection());
        let id = stream.new_id();
        let record = Arc::new(StreamRecord::new(id, connection, user_agent, rng.u16(..)));
        stream.list(&record);
        let topic = Arc::clone(stream.service().topic());
        let initial = shared.initial_response(stream.service());
        let mut head = BytesMut::with_capacity(initial.len() + MAX_HEAD_BYTES);
        head.extend_from_slice(&initial);
        Self {
            ended: false,
            reason: None,
            requests: Some(requests),
            reader,
            unfinished: None,
            rotation: topic.next_rotation(),
            subscription: subscribe(topic, &record),
            stream,
            record,
            known,
            shared,
            variant: None,
            failure: None,
            rng,
            head,
            watched: false,
            _permit: permit,
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Frame<Payload>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match self.read_requests(cx) {
            Ok(()) => {}
            Err(FrameError::Broken) => {
                self.ended = true;
                return Poll::Ready(None);
            }
            Err(error) => {
                self.shared.metrics.streams_failed.inc();
                self.failure = Some(error.into());
                self.requests = None;
            }
        }
        if let Some(known) = &mut self.known
            && let Poll::Ready(stream) = known.as_mut().poll(cx)
        {
            self.known = None;
            self.follow(stream);
        }
        let newer = self.subscription.has_newer(cx);
        let ending = self.record.ending();
        let (drained, ordered) = (
            self.shared.drain.has_ended(ending.phase()),
            ending.is_ordered(),
        );
        if !newer && !drained && !ordered && self.requests.is_some() {
            return Poll::Pending;
        }
        // The end, too: nobody looks after what a stream leaves behind in h2.
        if self.record.flight().is_on(cx) {
            return Poll::Pending;
        }
        if let Some(status) = self.failure.take() {
            self.reason = Some(StreamEnd::Failed);
            return self.end(status);
        }
        if let Some(data) = self.newest() {
            return Poll::Ready(Some(Frame::data(data)));
        }
        let (reason, status) = if drained {
            let status = Status::unavailable("this balancer is being shut down");
            (StreamEnd::Ended, status)
        } else if ordered {
            // As in a shutdown: what makes clients of all kinds open the next one.
            let status = Status::unavailable("an operator has streams of this balancer end");
            (StreamEnd::Ended, status)
        } else {
            (StreamEnd::HalfClosed, Status::ok(""))
        };
        self.reason = Some(reason);
        self.end(status)
    }

    /// Goes on with the service that was asked for, now that there is one.
    fn follow(&mut self, stream: OpenStream) {
        let topic = stream.service().topic();
        if !Arc::ptr_eq(topic, self.stream.service().topic()) {
            self.rotation = topic.next_rotation();
            self.subscription = subscribe(Arc::clone(topic), &self.record);
        }
        self.stream.become_other(stream, &self.record);
    }

    /// Takes in load reports until none is there.
    fn read_requests(&mut self, cx: &mut Context<'_>) -> Result<(), FrameError> {
        for _ in 0..MESSAGES_PER_POLL {
            let Some(requests) = &mut self.requests else {
                return Ok(());
            };
            match self.reader.poll_message(requests, cx) {
                Poll::Pending => return self.wait_for_the_rest(cx),
                Poll::Ready(Some(message)) => {
                    self.unfinished = None;
                    let request = LoadBalanceRequest::decode(message?)
                        .map_err(|error| FrameError::Message(error.to_string()))?;
                    // A second initial request changes nothing, and later versions of the
                    // protocol may have requests that we do not know.
                    if let Some(Kind::ClientStats(stats)) = request.load_balance_request_type {
                        self.shared.metrics.reports.inc();
                        let delta = super::report::delta(stats);
                        self.record.note_report(&delta);
                        self.stream.service().report(&delta);
                    }
                }
                Poll::Ready(None) => self.requests = None,
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Fails when a message takes too long to arrive.
    fn wait_for_the_rest(&mut self, cx: &mut Context<'_>) -> Result<(), FrameError> {
        if !self.reader.is_within_message() {
            return Ok(());
        }
        let patience = || Box::pin(sleep(MESSAGE_PATIENCE));
        let timer = self.unfinished.get_or_insert_with(patience);
        match timer.as_mut().poll(cx) {
            Poll::Pending => Ok(()),
            Poll::Ready(()) => Err(FrameError::Unfinished(MESSAGE_PATIENCE)),
        }
    }

    /// The newest update, if the client does not have it.
    fn newest(&mut self) -> Option<Payload> {
        let (update, skipped) = self.subscription.take()?;
        let mut rest = Bytes::new();
        self.head.reserve(MAX_HEAD_BYTES);
        let update = update.as_ref()?;
        let rotation = match update.content() {
            Content::List(list) => {
                // A client that comes back from fallback may hold the list it had before.
                let variant = *self
                    .variant
                    .get_or_insert_with(|| list.drops().variant(&mut self.rng));
                let place = list.place(self.rotation);
                rest = list.push(place, variant, &mut self.head);
                self.rotation = self.rotation.wrapping_add(1);
                Some(place)
            }
            Content::Fallback => {
                self.variant = None;
                self.head.extend_from_slice(&self.shared.fallback_response);
                None
            }
        };
        self.record
            .note_push(update.version(), update.origin(), rotation);
        self.shared.metrics.pushes.inc();
        if skipped > 0 {
            self.shared.metrics.updates_skipped.inc_by(skipped);
        }
        let payload = Payload::new(self.head.split().freeze(), rest);
        let bytes = &self.shared.metrics.push.bytes;
        bytes.inc_by(payload.remaining() as u64);
        let now = self.shared.patience.now();
        let landing = Flight::begin(self.record.flight(), payload.remaining(), now);
        if !std::mem::replace(&mut self.watched, true) {
            watch(self.record.flight());
        }
        Some(payload.tracked(landing))
    }

    fn end(&mut self, status: Status) -> Poll<Option<Frame<Payload>>> {
        self.ended = true;
        let mut trailers = HeaderMap::with_capacity(2);
        // It fails for a message that is no header value even when percent-encoded.
        if status.add_header(&mut trailers).is_err() {
            trailers.insert(Status::GRPC_STATUS, i32::from(tonic::Code::Internal).into());
        }
        Poll::Ready(Some(Frame::trailers(trailers)))
    }
}

fn subscribe(topic: Arc<Topic>, record: &StreamRecord) -> Subscription {
    Subscription::new(
        topic,
        Arc::clone(record.ending()),
        Arc::clone(record.flight()),
    )
}

impl<B: Body<Data = Bytes> + Unpin> Body for BalanceBody<B> {
    type Data = Payload;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Payload>, Infallible>>> {
        self.get_mut().poll_next(cx).map(|frame| frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

impl<B> Drop for BalanceBody<B> {
    fn drop(&mut self) {
        let reason = match self.reason {
            Some(reason) => reason,
            None if self.record.flight().has_expired() => StreamEnd::Stuck,
            None => StreamEnd::Gone,
        };
        self.shared.metrics.ends.count(reason);
    }
}

#[cfg(test)]
mod tests;
