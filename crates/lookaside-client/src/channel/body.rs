use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::Status;

use super::{oversight::Oversight, status};
use crate::{Endpoint, subchannel::InUse};

pin_project! {
    /// The body of a response. Holds the call open until its end: the last frame, an
    /// error, the deadline, or being dropped.
    pub struct ResponseBody {
        #[pin]
        incoming: Incoming,
        deadline: Option<Instant>,
        // Made when the body first has to wait.
        #[pin]
        sleep: Option<Sleep>,
        connection: Arc<InUse>,
        oversight: Option<Oversight>,
        done: bool,
    }
}

impl ResponseBody {
    pub(super) fn new(
        incoming: Incoming,
        deadline: Option<Instant>,
        connection: Arc<InUse>,
        oversight: Oversight,
    ) -> Self {
        Self {
            incoming,
            deadline,
            sleep: None,
            connection,
            oversight: Some(oversight),
            done: false,
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut this = self.project();
        if *this.done {
            return Poll::Ready(None);
        }
        let mut polled = match this.incoming.poll_frame(cx) {
            // Data that is always there when it is asked for ends no later than any other.
            Poll::Ready(Some(Ok(frame)))
                if frame.is_data() && this.deadline.is_some_and(|at| at <= Instant::now()) =>
            {
                Some(Err(too_late(this.connection.peer())))
            }
            Poll::Ready(frame) => frame.map(|frame| {
                frame.map_err(|error| status::from_hyper(&error, this.connection.peer()))
            }),
            Poll::Pending => {
                let Some(deadline) = *this.deadline else {
                    return Poll::Pending;
                };
                if this.sleep.is_none() {
                    this.sleep.set(Some(sleep_until(deadline)));
                }
                match this.sleep.as_mut().as_pin_mut().map(|sleep| sleep.poll(cx)) {
                    Some(Poll::Ready(())) => Some(Err(too_late(this.connection.peer()))),
                    _ => return Poll::Pending,
                }
            }
        };
        if let Some(Ok(frame)) = &polled
            && let (Some(data), Some(oversight)) = (frame.data_ref(), this.oversight.as_mut())
            && let Err(status) = oversight.data(data)
        {
            polled = Some(Err(status));
        }
        // Trailers, the end, and errors end the call; more data may follow data.
        if !matches!(&polled, Some(Ok(frame)) if frame.is_data()) {
            *this.done = true;
            if let Some(oversight) = this.oversight.take() {
                match &polled {
                    Some(Ok(frame)) => match frame.trailers_ref() {
                        Some(trailers) => oversight.trailers(trailers),
                        None => oversight.ended(),
                    },
                    Some(Err(status)) => oversight.failed(status.code()),
                    None => oversight.ended(),
                }
            }
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.done || self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

fn too_late(peer: &Endpoint) -> Status {
    Status::deadline_exceeded(format!("{peer}: the deadline passed during the response"))
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody")
            .field("peer", &self.connection.peer())
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}
