//! What happens in a run: drawn from its seed, whatever the client does.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use fastrand::Rng;
use tokio::time::Instant;

use super::{
    backend::{Knobs, SLOWEST, WELL},
    balancer::Conduct,
    harms::Kind,
    peer::Manner,
    places::{BACKENDS, CLIENT, FALLBACKS, ROCK},
    script::{DROPS, Listing, Said, Slot},
    world::{Who, World},
};
use crate::{agenda::Agenda, net::Link};

/// How long things happen.
const LASTS: Duration = Duration::from_secs(60);

/// Between two events, at most, in milliseconds.
const MAX_GAP: u64 = 2_500;

/// What lasts, lasts so long, in milliseconds.
const LASTING: std::ops::Range<u64> = 200..20_000;

enum Step {
    Random,
    /// Whatever goes on with somebody ends.
    Mend(Who),
    BreakOff(Who),
    /// The resolver names all balancers again.
    NameAll,
}

pub struct Faults<'a> {
    world: &'a mut World,
    rng: Rng,
    agenda: Agenda<Step>,
    /// With whom something goes on.
    busy: BTreeSet<Who>,
    /// The resolver does not name all balancers.
    renamed: bool,
}

/// Lets things happen for a while, and then mends them all.
pub async fn run(world: &mut World) {
    let rng = world.rng.fork();
    let mut faults = Faults {
        world,
        rng,
        agenda: Agenda::new(),
        busy: BTreeSet::new(),
        renamed: false,
    };
    faults.begin();
    faults.play().await;
}

impl Faults<'_> {
    /// Some are not there when the client begins, or all balancers keep silent.
    fn begin(&mut self) {
        let first = self.listing();
        self.say(Said::List(Arc::new(first)));
        let silent = self.world.profile.balancers_suffer && self.rng.u32(..3) == 0;
        for who in self.world.everybody() {
            if silent && matches!(who, Who::Balancer(_)) {
                self.silent_at_first(who);
            } else if self.may_suffer(who) && self.rng.u32(..6) == 0 {
                self.log(format!("{who:?} is not there yet"));
                // As everybody knows who looks.
                self.world.cut(who);
                self.goes_on(who);
            } else {
                self.world.start(who, Manner::Serve);
            }
        }
        if self.world.profile.balancers_suffer && self.rng.u32(..6) == 0 {
            self.rename();
        }
        self.world.begin();
    }

    /// Nothing is wrong with it that could be seen: only time tells that there is no list.
    fn silent_at_first(&mut self, who: Who) {
        let longer = Duration::from_millis(self.rng.u64(LASTING));
        let lasts = self.world.profile.fallback_timeout + longer;
        self.busy.insert(who);
        self.agenda.after(lasts, Step::Mend(who));
        let way = self.rng.u32(..3);
        let manner = if way == 0 {
            Manner::Mute
        } else {
            Manner::Serve
        };
        self.world.start(who, manner);
        match way {
            0 => {}
            1 => self.world.set_conduct(who, Conduct::Silent),
            _ => {
                self.world.harms.begins(who.at(), Kind::Vanished);
                self.world.net.black_hole(who.at());
            }
        }
        self.log(format!("{who:?} is silent in way {way}, for {lasts:?}"));
    }

    async fn play(&mut self) {
        let end = Instant::now() + LASTS;
        self.agenda.after(Duration::ZERO, Step::Random);
        while let Some((at, step)) = self.agenda.next().await {
            match step {
                Step::Random if at < end => {
                    self.random();
                    let gap = Duration::from_millis(self.rng.u64(..MAX_GAP));
                    self.agenda.after(gap, Step::Random);
                }
                Step::Random => {}
                Step::Mend(who) => self.mend(who),
                Step::BreakOff(who) => self.world.break_off(who),
                Step::NameAll => {
                    self.renamed = false;
                    self.name((0..self.world.profile.balancers).collect());
                }
            }
            if !self.world.log.is_clean() {
                return;
            }
        }
    }

    fn log(&self, what: impl AsRef<str>) {
        self.world.log.event(what);
    }

    fn may_suffer(&self, who: Who) -> bool {
        match who {
            Who::Backend(ROCK) | Who::Fallback(ROCK) => !self.world.profile.rock,
            Who::Balancer(_) => self.world.profile.balancers_suffer,
            _ => true,
        }
    }

    /// Something goes on with it, and ends later.
    fn goes_on(&mut self, who: Who) -> Duration {
        let lasts = Duration::from_millis(self.rng.u64(LASTING));
        self.busy.insert(who);
        self.agenda.after(lasts, Step::Mend(who));
        lasts
    }

    fn random(&mut self) {
        match self.rng.u32(..100) {
            0..20 if self.world.profile.lists_change => self.change(),
            0..60 => {
                let n = self.rng.usize(..BACKENDS);
                self.harm(Who::Backend(n));
            }
            60..64 if self.world.profile.balancers_suffer => self.rename(),
            60..70 => {
                let n = self.rng.usize(..FALLBACKS);
                self.harm(Who::Fallback(n));
            }
            _ => {
                let n = self.rng.usize(..self.world.profile.balancers);
                self.harm(Who::Balancer(n));
            }
        }
    }

    fn harm(&mut self, who: Who) {
        if !self.may_suffer(who) {
            return;
        }
        match self.rng.u32(..10) {
            0 => {
                self.log(format!("the connections of {who:?} are cut"));
                self.world.cut(who);
            }
            1 => {
                self.log(format!("{who:?} says GOAWAY"));
                self.world.leave(who);
            }
            2 => {
                self.log(format!("{who:?} is called often, and breaks off"));
                self.world.burst();
                let micros = self.world.profile.max_latency.as_micros() as u64;
                let under_way = Duration::from_micros(self.rng.u64(0..=micros));
                self.agenda.after(under_way, Step::BreakOff(who));
            }
            _ if !self.busy.contains(&who) => self.harm_for_long(who),
            _ => {}
        }
    }

    fn harm_for_long(&mut self, who: Who) {
        let lasts = self.goes_on(who);
        match self.rng.u32(..7) {
            0 => {
                self.log(format!("{who:?} crashes, for {lasts:?}"));
                self.world.crash(who);
            }
            1 => {
                self.log(format!("{who:?} vanishes, for {lasts:?}"));
                self.world.harms.begins(who.at(), Kind::Vanished);
                self.world.net.black_hole(who.at());
            }
            2 => {
                self.log(format!("{who:?} is mute, for {lasts:?}"));
                self.world.crash(who);
                self.world.start(who, Manner::Mute);
            }
            3 => {
                self.log(format!("{who:?} says GOAWAY to all, for {lasts:?}"));
                self.world.crash(who);
                self.world.harms.begins(who.at(), Kind::Flaps);
                self.world.start(who, Manner::Flap);
            }
            4 => {
                let ways = self.rng.u32(1..=3);
                let link = Link {
                    there_held: ways & 1 > 0,
                    back_held: ways & 2 > 0,
                    ..Link::default()
                };
                self.hold_up(who, link, lasts);
            }
            5 => {
                let extra = Duration::from_millis(self.rng.u64(100..1_500));
                let link = Link {
                    extra,
                    ..Link::default()
                };
                self.hold_up(who, link, lasts);
            }
            _ => self.misbehave(who, lasts),
        }
    }

    fn hold_up(&mut self, who: Who, link: Link, lasts: Duration) {
        self.log(format!("{who:?} is held up by {link:?}, for {lasts:?}"));
        self.world.harms.begins(who.at(), Kind::HeldUp);
        self.world.net.set_link(CLIENT, who.at(), link);
    }

    fn misbehave(&mut self, who: Who, lasts: Duration) {
        if let Who::Balancer(_) = who {
            let conducts = [
                Conduct::Refuse,
                Conduct::Hasty,
                Conduct::Silent,
                Conduct::Follow,
            ];
            let conduct = *self.rng.choice(&conducts).expect("some");
            self.log(format!("{who:?} is {conduct:?}, for {lasts:?}"));
            self.world.set_conduct(who, conduct);
        } else if self.world.profile.backends_fail {
            let knobs = Knobs {
                fails: *self.rng.choice(&[0, 30, 100]).expect("some"),
                refuses: *self.rng.choice(&[0, 30]).expect("some"),
                work: *self.rng.choice(&[Duration::ZERO, SLOWEST]).expect("some"),
                serving: self.rng.bool(),
            };
            self.log(format!("{who:?} has {knobs:?}, for {lasts:?}"));
            self.world.set_knobs(who, knobs);
        }
    }

    /// Puts it right, whatever it was.
    fn mend(&mut self, who: Who) {
        self.log(format!("{who:?} is well"));
        self.busy.remove(&who);
        let at = who.at();
        self.world.harms.ends(at);
        self.world.set_knobs(who, WELL);
        self.world.set_conduct(who, Conduct::Follow);
        self.world.net.set_link(CLIENT, at, Link::default());
        self.world.cut(who);
        self.world.start(who, Manner::Serve);
    }

    /// The resolver names some of the balancers, or none, in another order.
    fn rename(&mut self) {
        if std::mem::replace(&mut self.renamed, true) {
            return;
        }
        let mut some: Vec<_> = (0..self.world.profile.balancers)
            .filter(|_| self.rng.bool())
            .collect();
        self.rng.shuffle(&mut some);
        self.name(some);
        let lasts = Duration::from_millis(self.rng.u64(LASTING.start * 10..LASTING.end));
        self.agenda.after(lasts, Step::NameAll);
    }

    fn name(&self, balancers: Vec<usize>) {
        self.log(format!("the resolver names balancers {balancers:?}"));
        self.world.named.set(balancers);
    }

    /// The balancers have something else to say.
    fn change(&mut self) {
        let now = self.world.script.said.borrow().clone();
        let said = match (self.rng.u32(..10), now) {
            (0, _) => Said::Fallback,
            (1, _) => Said::List(Arc::default()),
            (2, _) => Said::List(Arc::new(Listing(vec![Slot::Drop(DROPS[0])]))),
            (3, now) => now,
            _ => Said::List(Arc::new(self.listing())),
        };
        self.say(said);
    }

    fn say(&mut self, said: Said) {
        self.log(format!("balancers say: {said:?}"));
        self.world.script.said.send_replace(said);
    }

    /// With backends, and perhaps with drops.
    fn listing(&mut self) -> Listing {
        let mut slots = Vec::new();
        for n in 0..BACKENDS {
            let is_rock = self.world.profile.rock && n == ROCK;
            if is_rock || self.rng.u32(..5) < 3 {
                let times = self.rng.usize(1..=2);
                slots.extend((0..times).map(|_| Slot::Backend(n)));
            }
        }
        if slots.is_empty() {
            slots.push(Slot::Backend(ROCK));
        }
        if self.rng.u32(..3) == 0 {
            for _ in 0..self.rng.usize(1..=3) {
                let category = *self.rng.choice(&DROPS).expect("some");
                slots.push(Slot::Drop(category));
            }
        }
        self.rng.shuffle(&mut slots);
        Listing(slots)
    }
}
