use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
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
        // None after the end: whoever keeps the body keeps neither stream nor connection.
        open: Option<Open>,
        deadline: Option<Instant>,
        // Made when the body first has to wait.
        #[pin]
        sleep: Option<Sleep>,
    }
}

struct Open {
    incoming: Incoming,
    connection: Arc<InUse>,
    oversight: Oversight,
}

impl ResponseBody {
    pub(super) fn new(
        incoming: Incoming,
        deadline: Option<Instant>,
        connection: Arc<InUse>,
        oversight: Oversight,
    ) -> Self {
        Self {
            open: Some(Open {
                incoming,
                connection,
                oversight,
            }),
            deadline,
            sleep: None,
        }
    }
}

impl Open {
    fn poll_frame(
        &mut self,
        deadline: Option<Instant>,
        mut sleep: Pin<&mut Option<Sleep>>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = match Pin::new(&mut self.incoming).poll_frame(cx) {
            // Data that is always there when it is asked for ends no later than any other.
            Poll::Ready(Some(Ok(frame)))
                if frame.is_data() && deadline.is_some_and(|at| at <= Instant::now()) =>
            {
                Some(Err(too_late(self.connection.peer())))
            }
            Poll::Ready(frame) => frame.map(|frame| {
                frame.map_err(|error| status::from_hyper(&error, self.connection.peer()))
            }),
            Poll::Pending => {
                let Some(deadline) = deadline else {
                    return Poll::Pending;
                };
                if sleep.is_none() {
                    sleep.set(Some(sleep_until(deadline)));
                }
                match sleep.as_pin_mut().map(|sleep| sleep.poll(cx)) {
                    Some(Poll::Ready(())) => Some(Err(too_late(self.connection.peer()))),
                    _ => return Poll::Pending,
                }
            }
        };
        if let Some(Ok(frame)) = &polled
            && let Some(data) = frame.data_ref()
            && let Err(status) = self.oversight.data(data)
        {
            return Poll::Ready(Some(Err(status)));
        }
        Poll::Ready(polled)
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
        let Some(open) = this.open else {
            return Poll::Ready(None);
        };
        let polled = ready!(open.poll_frame(*this.deadline, this.sleep.as_mut(), cx));
        // Trailers, the end, and errors end the call; more data may follow data.
        if !matches!(&polled, Some(Ok(frame)) if frame.is_data()) {
            this.sleep.set(None);
            if let Some(Open { oversight, .. }) = this.open.take() {
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
        let open = self.open.as_ref();
        open.is_none_or(|open| open.incoming.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let open = self.open.as_ref();
        open.map_or_else(|| SizeHint::with_exact(0), |open| open.incoming.size_hint())
    }
}

fn too_late(peer: &Endpoint) -> Status {
    Status::deadline_exceeded(format!("{peer}: the deadline passed during the response"))
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody")
            .field(
                "peer",
                &self.open.as_ref().map(|open| open.connection.peer()),
            )
            .finish_non_exhaustive()
    }
}
