use std::{fmt, sync::Arc};

use lookaside_core::{Backoff, Revision};
use tokio::time::Instant;

use super::{
    Action, Event, Failure, FailureKind, Header, Input, Layout, Notice, Page, Reflected, Timings,
    Update, WatchResponse,
    dissent::Dissent,
    listing::{First, Listing, Turned},
    liveness::{Doubt, Liveness},
    store::{Keys, Store},
};
use crate::Freshness;

/// Keeps a complete state of the keys under a prefix; see the [module](super).
pub struct Reflector<L: Layout> {
    store: Store<L>,
    timings: Timings,
    backoff: Backoff,
    rng: fastrand::Rng,
    /// How many members there are to ask.
    members: usize,
    phase: Phase<L>,
    /// What has been read completely.
    known: Option<Known>,
    /// Whether the next connection has to list although something is known.
    must_list: bool,
    dissent: Dissent,
    state: Option<Arc<Reflected<L::Service>>>,
    /// Whether more is known than `state` shows.
    unseen: bool,
    /// When the first of it was heard of.
    heard_at: Option<Instant>,
    /// The last proof that nothing is being missed; before there is one, the start.
    as_of: Instant,
    /// What keeps the state from being followed live, if something does.
    error: Option<Arc<str>>,
    changed: bool,
    notices: Vec<Notice>,
}

#[derive(Debug)]
enum Phase<L: Layout> {
    Waiting { until: Instant },
    Connecting,
    Listing(Listing<L>),
    Opening { since: Instant, read: OnConnect },
    Following(Liveness),
}

/// What the read at the start of a connection showed.
#[derive(Clone, Copy, Debug)]
struct OnConnect {
    at: Instant,
    revision: Revision,
    term: u64,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    cluster: u64,
    /// The raft term of the last linearizable read.
    term: u64,
    /// The revision listed, or the `mod_revision` of the last applied event: where to
    /// resume. Never a watch header's revision: a backlog comes in several responses,
    /// all with the newest revision in the header.
    applied: Revision,
}

impl Known {
    /// Whether a linearizable read shows another history than the one applied. A
    /// lower term shows it too: terms only rise.
    fn contradicted_by(&self, read: Header) -> bool {
        self.is_other_cluster(read) || read.revision < self.applied || read.term < self.term
    }

    fn is_other_cluster(&self, header: Header) -> bool {
        header.cluster != 0 && self.cluster != 0 && header.cluster != self.cluster
    }
}

impl<L: Layout> Reflector<L> {
    /// Starts with nothing; [`Reflector::deadline`] is due at once. Connections are made
    /// to `members` members in turn, at least one.
    pub fn new(
        layout: L,
        timings: Timings,
        members: usize,
        rng: fastrand::Rng,
        now: Instant,
    ) -> Self {
        Self {
            store: Store::new(layout),
            backoff: Backoff::new(timings.backoff),
            timings,
            rng,
            members,
            phase: Phase::Waiting { until: now },
            known: None,
            must_list: false,
            dissent: Dissent::default(),
            state: None,
            unseen: false,
            heard_at: None,
            as_of: now,
            error: None,
            changed: true,
            notices: Vec::new(),
        }
    }

    /// When [`Input::Timer`] is due. Reads and pages are timed by the driver.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Waiting { until } => Some(*until),
            Phase::Connecting | Phase::Listing(_) => None,
            Phase::Opening { since, .. } => Some(*since + self.timings.created),
            Phase::Following(liveness) => liveness.deadline(&self.timings),
        }
    }

    /// The timings it was made with.
    pub fn timings(&self) -> &Timings {
        &self.timings
    }

    /// What changed since the last call, if anything did. To call it after several
    /// inputs costs less than to call it after each.
    pub fn take_update(&mut self) -> Option<Update<L::Service>> {
        if std::mem::take(&mut self.unseen)
            && let Some(known) = self.known
        {
            self.state = Some(Arc::new(self.store.reflected(known.applied)));
        }
        std::mem::take(&mut self.changed).then(|| Update {
            state: self.state.clone(),
            freshness: self.freshness(),
            heard_at: self.heard_at.take(),
        })
    }

    /// What happened since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    fn freshness(&self) -> Freshness {
        let as_of = self.as_of;
        match (&self.known, &self.error) {
            (None, error) => Freshness::Connecting {
                since: as_of,
                error: error.clone(),
            },
            (Some(_), None) => Freshness::Synced { as_of },
            (Some(_), Some(error)) => Freshness::Stale {
                as_of,
                error: Arc::clone(error),
            },
        }
    }

    /// Takes what happened and says what to do. An answer that nothing waits for any
    /// more is ignored.
    pub fn handle(&mut self, input: Input, now: Instant) -> Option<Action> {
        match input {
            Input::Timer => self.timer(now),
            Input::Read(answer) => self.read(answer, now),
            Input::Page(answer) => self.page(answer, now),
            Input::Watch(response) => self.watch(response, now),
        }
    }

    fn timer(&mut self, now: Instant) -> Option<Action> {
        if self.deadline().is_none_or(|due| now < due) {
            return None;
        }
        match &mut self.phase {
            Phase::Waiting { .. } => {
                self.phase = Phase::Connecting;
                Some(Action::Connect)
            }
            Phase::Connecting | Phase::Listing(_) => None,
            Phase::Opening { .. } => self.fail("the watch was not confirmed in time", now),
            Phase::Following(liveness) => match liveness.check(now, &self.timings)? {
                Doubt::AskProgress => Some(Action::AskProgress),
                Doubt::Read => Some(Action::Read),
                Doubt::GiveUp => {
                    self.must_list = true;
                    self.fail("the watch does not deliver what the store has", now)
                }
            },
        }
    }

    fn read(&mut self, answer: Result<Header, Failure>, now: Instant) -> Option<Action> {
        match self.phase {
            Phase::Connecting => {
                let header = match answer {
                    Ok(header) => header,
                    Err(failure) => {
                        self.dissent.silence();
                        return self.fail(failure.reason, now);
                    }
                };
                self.connected(header, now)
            }
            // Only of use as long as the watch is silent: an event that overtook the
            // answer would make the store seem to have gone back.
            Phase::Following(Liveness::Reading) => {
                let known = self.known?;
                match answer {
                    Err(failure) => self.fail(
                        format!(
                            "the watch is silent and so is the store: {}",
                            failure.reason
                        ),
                        now,
                    ),
                    Ok(header) if known.contradicted_by(header) => {
                        self.must_list = true;
                        self.fail("the store shows another history than before", now)
                    }
                    Ok(header) if header.revision > known.applied => {
                        self.keep_term(header);
                        self.phase = Phase::Following(Liveness::behind(now, &self.timings));
                        None
                    }
                    Ok(header) => {
                        self.keep_term(header);
                        self.phase = Phase::Following(Liveness::Heard { at: now });
                        self.alive(now);
                        None
                    }
                }
            }
            _ => None,
        }
    }

    /// The first read on a connection, and what it says about the history.
    fn connected(&mut self, read: Header, now: Instant) -> Option<Action> {
        let Some(known) = self.known else {
            return Some(self.list(read));
        };
        if known.contradicted_by(read) {
            self.must_list = true;
            return if self.dissent.rise(self.members, now, &self.timings) {
                Some(self.list(read))
            } else {
                let reason = "it shows another history than before; the other members are asked";
                self.fail(reason, now)
            };
        }
        self.dissent.settle();
        // In another term it was restarted or elected a leader meanwhile, and a backup
        // that was restored then may have overtaken the applied revision. So it may, in
        // whatever term, when there was time for it. Only a list tells.
        let away = now.saturating_duration_since(self.as_of);
        if self.must_list || read.term != known.term || away > self.timings.resume {
            return Some(self.list(read));
        }
        Some(self.open(known.applied, read, now))
    }

    fn keep_term(&mut self, header: Header) {
        if let Some(known) = &mut self.known {
            known.term = known.term.max(header.term);
        }
    }

    fn list(&mut self, read: Header) -> Action {
        let listing = Listing::new(read);
        let request = listing.request();
        self.phase = Phase::Listing(listing);
        Action::List(request)
    }

    fn open(&mut self, from: Revision, read: Header, now: Instant) -> Action {
        self.phase = Phase::Opening {
            since: now,
            read: OnConnect {
                at: now,
                revision: read.revision,
                term: read.term,
            },
        };
        // From the applied revision and not the next: a watch that starts in the
        // future of an idle store gets no answer to progress requests.
        Action::Watch { from }
    }

    fn page(&mut self, answer: Result<Page, Failure>, now: Instant) -> Option<Action> {
        let page = match (answer, &mut self.phase) {
            (Ok(page), Phase::Listing(_)) => page,
            (Err(failure), Phase::Listing(listing)) => {
                if failure.kind == FailureKind::TooLarge && listing.halve() {
                    return Some(Action::List(listing.request()));
                }
                return self.fail(failure.reason, now);
            }
            _ => return None,
        };
        let Phase::Listing(listing) = std::mem::replace(&mut self.phase, Phase::Connecting) else {
            return None;
        };
        match listing.page(&self.store, page, now) {
            Turned::More(listing) => {
                let request = listing.request();
                self.phase = Phase::Listing(listing);
                Some(Action::List(request))
            }
            Turned::Done(keys, first) => Some(self.listed(keys, first, now)),
            Turned::Broken(why) => self.fail(why, now),
        }
    }

    fn listed(&mut self, keys: Keys<L>, first: First, now: Instant) -> Action {
        let header = first.header;
        if let Some(known) = self.known.filter(|known| known.contradicted_by(header)) {
            self.notices.push(Notice::RolledBack {
                from: known.applied,
                to: header.revision,
                other_cluster: known.is_other_cluster(header),
            });
        }
        self.notices.push(Notice::Listed {
            keys: keys.len(),
            revision: header.revision,
        });
        self.store.replace(keys);
        self.known = Some(Known {
            cluster: header.cluster,
            term: header.term,
            applied: header.revision,
        });
        self.must_list = false;
        self.dissent.settle();
        self.unseen = true;
        self.heard_at.get_or_insert(now);
        self.as_of = first.at;
        self.error = None;
        self.changed = true;
        self.open(header.revision, header, now)
    }

    fn watch(&mut self, response: Result<WatchResponse, Failure>, now: Instant) -> Option<Action> {
        let opening = match &self.phase {
            Phase::Opening { read, .. } => Some(*read),
            Phase::Following(_) => None,
            _ => return None,
        };
        let known = self.known?;
        let response = match response {
            Ok(response) => response,
            Err(failure) => {
                // Resuming where it failed would fail the same way for ever.
                self.must_list |= failure.kind != FailureKind::Unavailable;
                return self.fail(failure.reason, now);
            }
        };
        if known.is_other_cluster(response.header) {
            self.must_list = true;
            return self.fail("the watch answers from another cluster", now);
        }
        if let Some(canceled) = response.canceled {
            if canceled.compact_revision > 0 {
                self.must_list = true;
                return self.fail("the revisions to resume from are compacted away", now);
            }
            return self.fail(
                format!("the store ended the watch: {}", canceled.reason),
                now,
            );
        }
        match opening {
            Some(_) if !response.created => {
                return self.fail("the watch answers without having been confirmed", now);
            }
            // Restored between the read and the watch, or elected a leader: as for the
            // read, only a list tells. A proxy may not say the term (0).
            Some(read) if response.header.term != read.term && response.header.term != 0 => {
                self.must_list = true;
                return self.fail("the store was restarted before it confirmed the watch", now);
            }
            Some(read) => self.created(known, read, now),
            None => {
                self.phase = Phase::Following(Liveness::Heard { at: now });
                self.backoff.reset();
                self.alive(now);
            }
        }
        self.apply(known, response.events, now);
        // What it missed while there was no watch is on its way; the answer tells when
        // it is through.
        let behind = opening.is_some_and(|read| read.revision > known.applied);
        behind.then_some(Action::AskProgress)
    }

    fn created(&mut self, known: Known, read: OnConnect, now: Instant) {
        self.phase = Phase::Following(Liveness::Heard { at: now });
        self.error = None;
        self.changed = true;
        if read.revision <= known.applied {
            self.as_of = self.as_of.max(read.at);
        }
        self.notices.push(Notice::Following {
            from: known.applied,
        });
    }

    fn apply(&mut self, known: Known, events: Vec<Event>, now: Instant) {
        // The watch starts at the applied revision, so the first ones may be known.
        let mut fresh = events
            .into_iter()
            .filter(|event| event.mod_revision() > known.applied)
            .peekable();
        if fresh.peek().is_none() {
            return;
        }
        let (mut applied, mut count) = (known.applied, 0);
        self.store.apply(fresh.inspect(|event| {
            applied = applied.max(event.mod_revision());
            count += 1;
        }));
        self.notices.push(Notice::Changed { events: count });
        self.known = Some(Known { applied, ..known });
        self.unseen = true;
        self.heard_at.get_or_insert(now);
        self.changed = true;
    }

    fn alive(&mut self, now: Instant) {
        self.as_of = now;
        self.changed = true;
    }

    fn fail(&mut self, reason: impl Into<Arc<str>>, now: Instant) -> Option<Action> {
        let reason = reason.into();
        self.notices.push(Notice::Failed {
            reason: Arc::clone(&reason),
        });
        self.error = Some(reason);
        self.changed = true;
        self.phase = Phase::Waiting {
            until: now + self.backoff.next(&mut self.rng),
        };
        Some(Action::Disconnect)
    }
}

impl<L: Layout> fmt::Debug for Reflector<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reflector")
            .field("phase", &self.phase)
            .field("known", &self.known)
            .field("must_list", &self.must_list)
            .finish_non_exhaustive()
    }
}
