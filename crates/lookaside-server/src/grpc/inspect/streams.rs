//! The open streams, in words a person reads.

mod page;
mod peer;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use lookaside_proto::v1;
use tonic::Status;

use self::page::{Cursor, Page};
pub(in crate::grpc) use self::peer::PeerFilter;
use super::count;
use crate::table::{Entry, StreamId, StreamRecord};

/// A client that takes longer for a list than any garbage collection or Wi-Fi hand-over is
/// worth looking at. Long before its stream is ended.
const STUCK_AFTER: Duration = Duration::from_secs(5);

/// A page of the streams of these services, which are sorted by name.
///
/// # Errors
/// INVALID_ARGUMENT, with what cannot be a peer or a page's end.
pub(super) async fn list(
    services: &[Arc<Entry>],
    request: &v1::ListStreamsRequest,
) -> Result<v1::ListStreamsResponse, Status> {
    let peer = PeerFilter::parse(&request.peer)?;
    let mut page = Page::new(request.limit, Cursor::parse(&request.page_token)?);
    for entry in services {
        let mut last = StreamId::default();
        loop {
            let batch = entry.open_streams().next(last);
            let Some(newest) = batch.last() else { break };
            last = newest.id();
            for record in batch {
                if peer.matches(record.connection()) {
                    let seen = Seen::new(entry, &record);
                    if !request.behind || seen.is_behind() {
                        page.offer(entry.name(), record.id(), || seen.describe(entry, &record));
                    }
                }
            }
            // There may be 50,000: others have things to do as well.
            tokio::task::yield_now().await;
        }
    }
    Ok(page.finish())
}

/// One stream of a service.
pub(super) fn describe(entry: &Entry, record: &StreamRecord) -> v1::Stream {
    Seen::new(entry, record).describe(entry, record)
}

/// How a stream stands to what there is for it.
enum Seen {
    Current,
    Sending { unread: usize, is_newest: bool },
    Waiting,
}

impl Seen {
    fn new(entry: &Entry, record: &StreamRecord) -> Self {
        let sent = record.sent();
        let is_newest = sent.is_some_and(|sent| sent.update >= entry.topic().version());
        match record.flight().unread() {
            Some(unread) => Self::Sending { unread, is_newest },
            None if is_newest => Self::Current,
            None => Self::Waiting,
        }
    }

    fn is_behind(&self) -> bool {
        !matches!(self, Self::Current)
    }

    /// State, the reason for it, and what was not read.
    fn words(&self, sent_age: Duration) -> (&'static str, String, usize) {
        match *self {
            Self::Current => ("current", String::new(), 0),
            // Its task runs as soon as it gets a thread.
            Self::Waiting => ("pending", "it is about to be sent".to_owned(), 0),
            Self::Sending { unread, is_newest } => {
                let seconds = sent_age.as_secs();
                let behind = if is_newest {
                    ""
                } else {
                    "; the newest waits for that"
                };
                let reason =
                    format!("{unread} bytes not read {seconds} s after they were sent{behind}");
                let state = match (sent_age >= STUCK_AFTER, is_newest) {
                    (true, _) => "stuck",
                    (false, true) => "sending",
                    (false, false) => "pending",
                };
                (state, reason, unread)
            }
        }
    }

    fn describe(&self, entry: &Entry, record: &StreamRecord) -> v1::Stream {
        let age = record.opened().elapsed();
        let now = SystemTime::now();
        // So long after its begin.
        let at = |after: Duration| now.checked_sub(age.saturating_sub(after)).unwrap_or(now);
        let sent = record.sent();
        let sent_age = sent.map(|sent| age.saturating_sub(sent.at));
        let (state, reason, unread) = self.words(sent_age.unwrap_or_default());
        let plan = match sent {
            None => "nothing",
            Some(sent) if sent.rotation.is_some() => "slots",
            Some(_) => "fallback",
        };
        let origin = sent.map(|sent| sent.origin).unwrap_or_default();
        let reported = record.reported();
        let who = record.connection().who();
        v1::Stream {
            id: record.id().0,
            service: entry.name().to_string(),
            peer: peer::address(record.connection()),
            identity: who.identity().as_deref().unwrap_or_default().to_owned(),
            user_agent: record.user_agent().unwrap_or_default().to_owned(),
            since: Some(at(Duration::ZERO).into()),
            age: age.try_into().ok(),
            state: state.to_owned(),
            reason,
            plan: plan.to_owned(),
            plan_version: origin.plan_version,
            revision: origin.revision,
            sent_at: sent.map(|sent| at(sent.at).into()),
            sent_age: sent_age.and_then(|age| age.try_into().ok()),
            rotation: sent.and_then(|sent| sent.rotation).unwrap_or_default(),
            pushes: record.pushes(),
            unread_bytes: unread as u64,
            reports: reported.map_or(0, |it| it.reports),
            calls_started: reported.map_or(0, |it| it.calls_started),
            reported_at: reported.map(|it| at(it.last_at).into()),
        }
    }
}
