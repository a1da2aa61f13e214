use std::{pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Response, header::CONTENT_TYPE};
use http_body::Body;
use lookaside_core::ServiceName;
use tokio::time::{Instant, sleep_until, timeout_at};
use tonic::Status;

use super::{
    admission::Admission,
    body::{BalanceBody, Known},
    frame_reader::FrameReader,
    initial::read_initial,
    refusal::{Reason, Refusal},
};
use crate::{
    Lists, Permission, Timeouts, Unknown,
    access::Peer,
    drain::Drain,
    encode::{fallback_response, initial_response},
    http::Patience,
    listener::Connection,
    metrics::Metrics,
    table::{Entry, OpenStream, Table},
};

/// Answers `BalanceLoad` calls.
#[derive(Debug)]
pub(crate) struct BalanceLoad {
    table: Arc<Table>,
    admission: Arc<Admission>,
    shared: Arc<Shared>,
    unknown: Unknown,
    unknown_patience: Duration,
    first_message_patience: Duration,
    /// No stream is answered before.
    held_until: Instant,
}

/// What every open stream needs.
#[derive(Debug)]
pub(super) struct Shared {
    /// For services that say nothing of it.
    pub(super) report_interval: Duration,
    pub(super) fallback_response: Bytes,
    pub(super) drain: Arc<Drain>,
    pub(super) patience: Arc<Patience>,
    pub(super) metrics: Arc<Metrics>,
}

impl Shared {
    /// The first message of a stream for this service, which holds for its whole life.
    pub(super) fn initial_response(&self, service: &Entry) -> Bytes {
        let published = service.published();
        initial_response(published.map_or(self.report_interval, |published| {
            published.policy.report_interval.value
        }))
    }
}

impl BalanceLoad {
    pub(crate) fn new(
        table: Arc<Table>,
        admission: Arc<Admission>,
        drain: Arc<Drain>,
        patience: Arc<Patience>,
        metrics: Arc<Metrics>,
        lists: &Lists,
        timeouts: &Timeouts,
    ) -> Self {
        Self {
            table,
            admission,
            shared: Arc::new(Shared {
                report_interval: lists.report_interval,
                fallback_response: fallback_response(),
                drain,
                patience,
                metrics,
            }),
            unknown: lists.unknown,
            unknown_patience: timeouts.unknown,
            first_message_patience: timeouts.first_message,
            held_until: Instant::now() + lists.hold,
        }
    }

    /// Answers one call: with a stream, or with a refusal that comes before anything else
    /// (trailers only). All stock clients back off after such a one, and reconnect
    /// without any delay after one that comes later.
    pub(crate) async fn call<B>(
        &self,
        connection: &Arc<Connection>,
        user_agent: Option<Box<str>>,
        requests: B,
    ) -> Result<Response<BalanceBody<B>>, Status>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let answer = tokio::select! {
            biased;
            // Also of whoever waits for something: its client is to go elsewhere now.
            () = self.shared.drain.begun() => Err(draining()),
            answer = self.answer(connection, user_agent, requests) => answer,
        };
        match answer {
            Ok(response) => {
                self.shared.metrics.streams_started.inc();
                Ok(response)
            }
            Err(Refusal { reason, status }) => {
                self.shared.metrics.stream_refused(reason, status.code());
                Err(status)
            }
        }
    }

    async fn answer<B>(
        &self,
        connection: &Arc<Connection>,
        user_agent: Option<Box<str>>,
        mut requests: B,
    ) -> Result<Response<BalanceBody<B>>, Refusal>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let started = Instant::now();
        let mut reader = FrameReader::new(Arc::clone(connection));
        let asked = read_initial(&mut reader, &mut requests, self.first_message_patience).await?;
        let names = permitted(connection.who(), asked)
            .map_err(|status| Refusal::new(Reason::Denied, status))?;
        // There is always one; the last is the barest.
        let bare = names.last().ok_or_else(|| {
            let why = Status::invalid_argument("the service name is empty");
            Refusal::new(Reason::Request, why)
        })?;
        let permit = self.admission.admit(connection, bare).await?;
        sleep_until(self.held_until).await;
        let patience = (started + self.unknown_patience).max(self.held_until);
        let stream = self.open(&names, bare, patience).await?;
        reader.admitted();

        let shared = Arc::clone(&self.shared);
        // It may appear under another of its names than the one the stream is kept under.
        let known: Option<Known> = match stream.service().published() {
            Some(_) => None,
            None => Some(Box::pin(Arc::clone(&self.table).once_known(names))),
        };
        let body = BalanceBody::new(
            requests,
            reader,
            (stream, known),
            permit,
            user_agent,
            shared,
        );
        let mut response = Response::new(body);
        let grpc = HeaderValue::from_static("application/grpc");
        response.headers_mut().insert(CONTENT_TYPE, grpc);
        Ok(response)
    }

    /// Opens the stream when there is something to tell of its service. An unknown one has
    /// until `patience` to appear.
    async fn open(
        &self,
        names: &[ServiceName],
        bare: &ServiceName,
        patience: Instant,
    ) -> Result<OpenStream, Refusal> {
        let mut appearances = self.table.appearances();
        let mut appears = pin!(async {
            loop {
                if let Some(stream) = self.table.open(names) {
                    return stream;
                }
                // An error would mean that the table is gone, and we hold it.
                let _ = appearances.changed().await;
            }
        });
        if let Ok(stream) = timeout_at(patience, &mut appears).await {
            return Ok(stream);
        }
        if self.table.has_any(names) {
            // Its host names are being looked up: it is slow, not unknown. A client that
            // has heard nothing goes to its own addresses when it likes.
            return Ok(appears.await);
        }
        match self.unknown {
            Unknown::Refuse => Err(Refusal::new(
                Reason::Unknown,
                Status::not_found(format!("no service {bare} is known")),
            )),
            Unknown::Fallback => Ok(self.table.open_unknown(bare)),
        }
    }
}

fn draining() -> Refusal {
    Refusal::new(
        Reason::Draining,
        Status::unavailable("this balancer is being shut down"),
    )
}

/// The services among `asked` that this peer may ask for. Any other is as if it were not
/// there, now or later: what is opened in the end is one of these, and a refusal says
/// nothing of what exists.
///
/// # Errors
/// PERMISSION_DENIED when there are none.
fn permitted(peer: &Peer, mut asked: Vec<ServiceName>) -> Result<Vec<ServiceName>, Status> {
    let barest = asked.last().cloned();
    asked.retain(|name| peer.may(Permission::Balance, name.as_str()));
    match barest {
        Some(name) if asked.is_empty() => Err(peer.refuse(Permission::Balance, name.as_str())),
        _ => Ok(asked),
    }
}
