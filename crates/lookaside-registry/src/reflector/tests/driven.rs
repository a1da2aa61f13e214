//! A reflector driven against a [`World`], with every published state checked.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use lookaside_core::Revision;
use tokio::time::Instant;

use super::world::{Entry, Plain, World};
use crate::{
    Freshness,
    reflector::{
        Action, Failure, FailureKind, Input, Notice, PageRequest, Reflected, Reflector, Timings,
    },
};

/// What the store owes an answer to.
#[derive(Debug)]
enum Pending {
    Read,
    Page(PageRequest),
    Open(Revision),
}

#[derive(Debug)]
struct Watch {
    /// Up to which revision everything was sent.
    sent: Revision,
    /// Sends nothing any more, although the connection stands.
    silent: bool,
}

pub(super) struct Driven {
    pub(super) reflector: Reflector<Plain>,
    pub(super) world: World,
    /// The histories that a restore ended.
    past: Vec<World>,
    pub(super) now: Instant,
    pending: VecDeque<Pending>,
    watch: Option<Watch>,
    pub(super) state: Option<Arc<Reflected<Vec<Entry>>>>,
    pub(super) freshness: Option<Freshness>,
    pub(super) notices: Vec<Notice>,
    pub(super) actions: Vec<Action>,
}

impl Driven {
    pub(super) fn new() -> Self {
        Self::with_members(1)
    }

    pub(super) fn with_members(members: usize) -> Self {
        let now = Instant::now();
        let rng = fastrand::Rng::with_seed(1);
        Self {
            reflector: Reflector::new(Plain, Timings::default(), members, rng, now),
            world: World::new(),
            past: Vec::new(),
            now,
            pending: VecDeque::new(),
            watch: None,
            state: None,
            freshness: None,
            notices: Vec::new(),
            actions: Vec::new(),
        }
    }

    pub(super) fn input(&mut self, input: Input) {
        let action = self.reflector.handle(input, self.now);
        let notices = self.reflector.take_notices();
        let rolled_back = notices
            .iter()
            .any(|notice| matches!(notice, Notice::RolledBack { .. }));
        self.notices.extend(notices);
        self.check(rolled_back);
        if let Some(action) = action {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        self.actions.push(action.clone());
        match action {
            Action::Connect => {
                assert!(self.pending.is_empty() && self.watch.is_none());
                self.pending.push_back(Pending::Read);
            }
            Action::Read => self.pending.push_back(Pending::Read),
            Action::List(request) => self.pending.push_back(Pending::Page(request)),
            Action::Watch { from } => self.pending.push_back(Pending::Open(from)),
            Action::Disconnect => {
                self.pending.clear();
                self.watch = None;
            }
            // A member that has caught up answers; before etcd's issue 15220 was fixed,
            // with a revision that may be too low.
            Action::AskProgress => {
                let caught_up = matches!(&self.watch, Some(watch)
                    if !watch.silent && watch.sent == self.world.revision());
                if caught_up {
                    let mut response = self.world.response(Vec::new());
                    response.header.revision -= 1;
                    self.input(Input::Watch(Ok(response)));
                }
            }
        }
    }

    fn check(&mut self, rolled_back: bool) {
        let Some(update) = self.reflector.take_update() else {
            return;
        };
        self.freshness = Some(update.freshness);
        let Some(new) = update.state else { return };
        let confirmed = self.world.confirms(&new) || self.past.iter().any(|it| it.confirms(&new));
        assert!(confirmed, "no state of the store: {new:?}");
        if let Some(old) = &self.state {
            assert!(
                new.revision >= old.revision || rolled_back,
                "went back from {} to {}",
                old.revision,
                new.revision
            );
            for (name, service) in &new.services {
                if let Some(before) = old.services.get(name)
                    && before == service
                {
                    assert!(Arc::ptr_eq(before, service), "{name} did not change");
                }
            }
        }
        self.state = Some(new);
    }

    /// Answers the oldest request.
    pub(super) fn answer(&mut self, page_limit: usize) {
        match self.pending.pop_front() {
            None => {}
            Some(Pending::Read) => self.input(Input::Read(Ok(self.world.header()))),
            Some(Pending::Page(request)) => {
                let page = self.world.page(&request, page_limit);
                self.input(Input::Page(page));
            }
            Some(Pending::Open(from)) => {
                self.watch = Some(Watch {
                    sent: from - 1,
                    silent: false,
                });
                self.input(Input::Watch(Ok(self.world.created())));
                if from < self.world.compacted && self.watch.is_some() {
                    self.input(Input::Watch(Ok(self.world.compacted_away())));
                }
            }
        }
    }

    /// Fails the oldest request.
    pub(super) fn refuse(&mut self, kind: FailureKind) {
        let failure = Failure {
            kind,
            reason: "refused".into(),
        };
        match self.pending.pop_front() {
            None => {}
            Some(Pending::Read) => self.input(Input::Read(Err(failure))),
            Some(Pending::Page(_)) => self.input(Input::Page(Err(failure))),
            Some(Pending::Open(_)) => self.input(Input::Watch(Err(failure))),
        }
    }

    /// Delivers what happened in the next revisions.
    pub(super) fn deliver(&mut self, revisions: usize) {
        let Some(watch) = &mut self.watch else { return };
        if watch.silent {
            return;
        }
        // A watcher that is behind can be compacted away.
        if watch.sent + 1 < self.world.compacted {
            self.watch = None;
            self.input(Input::Watch(Ok(self.world.compacted_away())));
            return;
        }
        let (response, sent) = self.world.batch(watch.sent, revisions);
        watch.sent = sent;
        if !response.events.is_empty() {
            self.input(Input::Watch(Ok(response)));
        }
    }

    /// Delivers the last revisions once more.
    pub(super) fn repeat(&mut self, revisions: usize) {
        if let Some(watch) = &mut self.watch {
            watch.sent = (watch.sent - revisions as Revision).max(0);
            self.deliver(revisions);
        }
    }

    pub(super) fn break_watch(&mut self, kind: FailureKind) {
        if self.watch.take().is_some() {
            let reason = "broken".into();
            self.input(Input::Watch(Err(Failure { kind, reason })));
        }
    }

    pub(super) fn silence(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.silent = true;
        }
    }

    /// The store is restored from a backup, which breaks every connection.
    pub(super) fn restore(&mut self, lost: usize, same_identity: bool) {
        self.restore_unseen(lost, same_identity);
        while !self.pending.is_empty() {
            self.refuse(FailureKind::Unavailable);
        }
    }

    /// The same, but the driver's connection comes back before the next request is
    /// sent, as tonic's do: the restored store answers what was asked of the old one.
    pub(super) fn restore_unseen(&mut self, lost: usize, same_identity: bool) {
        self.past.push(self.world.clone());
        self.world.restore(lost, same_identity);
        self.break_watch(FailureKind::Unavailable);
    }

    /// The store is away for longer than a watch may be, and comes back restored from a
    /// backup, in the same raft term.
    pub(super) fn away_and_restored(&mut self, lost: usize) {
        self.break_watch(FailureKind::Unavailable);
        for _ in 0..80 {
            while !self.pending.is_empty() {
                self.refuse(FailureKind::Unavailable);
            }
            self.pass(Duration::from_millis(100));
        }
        while !self.pending.is_empty() {
            self.refuse(FailureKind::Unavailable);
        }
        self.past.push(self.world.clone());
        self.world.restore_in_the_same_term(lost);
    }

    /// Somebody else answers.
    pub(super) fn take_pending(&mut self) {
        assert!(matches!(self.pending.pop_front(), Some(Pending::Read)));
    }

    /// Lets time pass, timers included.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.reflector.deadline().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.input(Input::Timer);
        }
        self.now = until;
    }

    /// The store works and time passes, until the reflector can have no excuse.
    pub(super) fn settle(&mut self) {
        for _ in 0..100 {
            self.pass(Duration::from_secs(1));
            self.deliver(1000);
            while !self.pending.is_empty() {
                self.answer(1000);
                self.deliver(1000);
            }
        }
    }

    pub(super) fn asked(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }
}
