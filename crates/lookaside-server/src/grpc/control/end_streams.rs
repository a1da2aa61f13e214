use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_core::Stream;
use lookaside_proto::v1::{EndStreamsProgress, EndStreamsRequest};
use tokio::{sync::watch, time::sleep};
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Status};

use super::{
    super::inspect::PeerFilter,
    audit::{Audit, Order},
    request,
};
use crate::{
    Permission::Control,
    access::peer_of,
    end_streams::{Chosen, DEFAULT_RATE, EndStreams, MAX_RATE, Progress, Replaced, Turn},
    table::Table,
};

/// How often whoever asked hears how far it is.
const PROGRESS: Duration = Duration::from_secs(1);

/// An order that was taken.
pub(super) struct Begun {
    turn: Turn,
    chosen: Chosen,
    rate: u32,
}

/// Checks an order, and finds the streams that are meant.
pub(super) async fn begin(
    table: &Table,
    all: &Arc<EndStreams>,
    request: Request<EndStreamsRequest>,
    order: &mut Order,
) -> Result<Begun, Status> {
    let peer = peer_of(&request)?;
    let service = match request.get_ref().service.as_str() {
        "" => {
            peer.check_all(Control)?;
            None
        }
        name => {
            let service = request::service(name)?;
            peer.check(Control, service.as_str())?;
            Some(service)
        }
    };
    let request = request.into_inner();
    request::note(&request.by, &request.reason)?;
    let filter = PeerFilter::parse(&request.peer)?;
    let rate = match request.rate {
        0 => DEFAULT_RATE,
        rate @ 1..=MAX_RATE => rate,
        rate => {
            let text = format!("rate: expected 1 to {MAX_RATE} streams a second, found {rate}");
            return Err(Status::invalid_argument(text));
        }
    };
    order.value = format!("{rate}/s");
    if !request.peer.is_empty() {
        order.value.push_str(&format!(" of peer {}", request.peer));
    }
    let mut services = table.all();
    if let Some(service) = service {
        services.retain(|entry| *entry.name() == service);
        if services.is_empty() {
            let text = format!("service {service} is not registered");
            return Err(Status::not_found(text));
        }
    }
    let busy = |busy: crate::end_streams::Busy| Status::failed_precondition(busy.to_string());
    let turn = all.begin(&request.by, request.replace).map_err(busy)?;
    let mut rng = fastrand::Rng::new();
    let meant = |record: &crate::table::StreamRecord| filter.matches(record.connection());
    let chosen = Chosen::new(services, meant, &mut rng).await;
    Ok(Begun { turn, chosen, rate })
}

impl Begun {
    /// Carries it out for as long as what this returns is kept.
    pub(super) fn run(self, order: Order, audit: Arc<Audit>) -> ProgressStream {
        let Self { turn, chosen, rate } = self;
        let begun = Progress {
            total: chosen.len(),
            ..Progress::default()
        };
        let (progress, seen) = watch::channel(begun);
        audit.line(&order, "begun", None, None);
        let record = Record {
            order,
            audit,
            seen: seen.clone(),
            outcome: "cancelled",
        };
        let task = async move {
            let mut record = record;
            let ended = turn.end(chosen, rate, &progress, fastrand::Rng::new());
            let result = ended.await;
            record.outcome = match result {
                Ok(()) => "done",
                Err(Replaced) => "replaced",
            };
            result
        };
        let carried_out = CarriedOut {
            seen,
            task: Some(AbortOnDropHandle::new(tokio::spawn(task))),
            is_first: true,
        };
        ProgressStream {
            next: Some(Box::pin(carried_out.next())),
        }
    }
}

/// Puts the end of an order on record, whichever it is.
struct Record {
    order: Order,
    audit: Arc<Audit>,
    seen: watch::Receiver<Progress>,
    outcome: &'static str,
}

impl Drop for Record {
    fn drop(&mut self) {
        let progress = *self.seen.borrow();
        self.order.value.push_str(&format!(": {progress}"));
        self.audit.line(&self.order, self.outcome, None, None);
    }
}

/// An order that is being carried out, as whoever gave it sees it.
struct CarriedOut {
    seen: watch::Receiver<Progress>,
    /// `None` once its end has been told.
    task: Option<AbortOnDropHandle<Result<(), Replaced>>>,
    is_first: bool,
}

type Item = Result<EndStreamsProgress, Status>;

impl CarriedOut {
    async fn next(mut self) -> Option<(Self, Item)> {
        let task = self.task.as_mut()?;
        if std::mem::take(&mut self.is_first) {
            let begun = described(*self.seen.borrow(), false);
            return Some((self, Ok(begun)));
        }
        let ended = tokio::select! {
            ended = task => Some(ended),
            () = sleep(PROGRESS) => None,
        };
        let progress = *self.seen.borrow_and_update();
        let item = match ended {
            None => Ok(described(progress, false)),
            Some(Ok(Ok(()))) => Ok(described(progress, true)),
            Some(Ok(Err(replaced))) => Err(Status::aborted(format!("{replaced}: {progress}"))),
            Some(Err(error)) => Err(Status::internal(error.to_string())),
        };
        if !matches!(item, Ok(EndStreamsProgress { done: false, .. })) {
            self.task = None;
        }
        Some((self, item))
    }
}

fn described(progress: Progress, done: bool) -> EndStreamsProgress {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    EndStreamsProgress {
        total: count(progress.total),
        ended: count(progress.ended),
        gone: count(progress.gone),
        done,
    }
}

/// How far an order is, now and then; dropping it stops the order.
pub(crate) struct ProgressStream {
    /// `None` once all has been said.
    next: Option<Next>,
}

type Next = Pin<Box<dyn Future<Output = Option<(CarriedOut, Item)>> + Send>>;

impl Stream for ProgressStream {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        let Some(next) = &mut self.next else {
            return Poll::Ready(None);
        };
        let Some((carried_out, item)) = ready!(next.as_mut().poll(cx)) else {
            self.next = None;
            return Poll::Ready(None);
        };
        self.next = Some(Box::pin(carried_out.next()));
        Poll::Ready(Some(item))
    }
}
