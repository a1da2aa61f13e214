use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tonic::Status;

use super::{OtherBody, Payload};
use crate::balance_load::BalanceBody;

/// The body of every response.
#[derive(Debug, Default)]
#[expect(
    clippy::large_enum_variant,
    reason = "most of the open responses are the large one, and boxing it costs them memory"
)]
pub(crate) enum ResponseBody {
    /// Trailers-only: the status is in the headers.
    #[default]
    Empty,
    Balance(BalanceBody<Incoming>),
    Other(OtherBody),
}

impl Body for ResponseBody {
    type Data = Payload;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Payload>, Status>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            // It sees to its clients itself.
            Self::Balance(body) => Pin::new(body)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            Self::Other(body) => Pin::new(body)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map(|frame| frame.map_data(Payload::from)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Balance(body) => body.is_end_stream(),
            Self::Other(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Balance(body) => body.size_hint(),
            Self::Other(body) => body.size_hint(),
        }
    }
}
