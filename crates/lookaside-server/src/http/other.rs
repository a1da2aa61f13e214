use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tonic::Status;

use crate::listener::{BodyPoll, OtherRequest, note};

/// How much is given to hyper at once. It takes any amount as soon as there is room for a
/// byte, and what it has taken nobody looks after.
const MAX_PIECE: usize = 16 * 1024;

/// The body of any response that is no list stream.
#[derive(Debug)]
pub(crate) struct OtherBody {
    body: tonic::body::Body,
    /// Of the last frame, what was not given away yet.
    rest: Bytes,
    _request: Option<OtherRequest>,
}

impl OtherBody {
    /// `request` is given back when the response is over.
    pub(super) fn new(body: tonic::body::Body, request: Option<OtherRequest>) -> Self {
        Self {
            body,
            rest: Bytes::new(),
            _request: request,
        }
    }
}

impl Body for OtherBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        note(BodyPoll::Idle);
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(cx)).transpose()? {
                None => return Poll::Ready(None),
                Some(frame) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
            }
        }
        note(BodyPoll::HandedOver);
        let piece = this.rest.split_to(this.rest.len().min(MAX_PIECE));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let mut hint = self.body.size_hint();
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

#[cfg(test)]
mod tests;
