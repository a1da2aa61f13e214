use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tonic::Status;

use super::Payload;
use crate::{
    balance_load::BalanceBody,
    listener::{BodyPoll, note},
};

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
    Other(tonic::body::Body),
}

impl Body for ResponseBody {
    type Data = Payload;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Payload>, Status>>> {
        note(BodyPoll::Idle);
        let frame = match self.get_mut() {
            Self::Empty => None,
            Self::Balance(body) => ready!(Pin::new(body).poll_frame(cx))
                .map(|frame| frame.map_err(|never| match never {})),
            Self::Other(body) => ready!(Pin::new(body).poll_frame(cx))
                .map(|frame| frame.map(|frame| frame.map_data(Payload::from))),
        };
        if let Some(Ok(frame)) = &frame
            && frame.is_data()
        {
            note(BodyPoll::HandedOver);
        }
        Poll::Ready(frame)
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
