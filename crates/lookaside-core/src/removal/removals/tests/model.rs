//! The rule as one would write it down without a thought for its cost: everything is
//! looked at in every step.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use crate::{MassRemoval, ProbeAnswer};

/// The longest that a plan waits.
const MAX_WAIT: Duration = Duration::from_secs(3);

pub(super) type Name = usize;
pub(super) type Id = usize;

/// A backend: its port, and whether it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) port: u16,
    pub(super) counts: bool,
}

pub(super) type Registered = BTreeMap<(Name, Id), Place>;

#[derive(Clone, Debug)]
pub(super) struct Missing {
    pub(super) port: u16,
    since: Instant,
    /// For how long, but for the time without the registry.
    pub(super) held_for: Duration,
    shares_with: BTreeSet<Name>,
    pub(super) held: bool,
    pub(super) asked: bool,
    silent: u32,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) registered: Registered,
    joined: BTreeMap<(Name, Id), Instant>,
    pub(super) missing: BTreeMap<(Name, Id), Missing>,
    mass: BTreeMap<Name, (Instant, Instant)>,
    waits: BTreeMap<Name, Instant>,
    pub(super) is_lost: bool,
    started: bool,
}

impl Model {
    pub(super) fn observe(
        &mut self,
        state: &Registered,
        policy: &MassRemoval,
        hold_down: impl Fn(Name) -> Duration,
        now: Instant,
    ) {
        let before = std::mem::replace(&mut self.registered, state.clone());
        let was_missing = self.missing.clone();
        let gone = before.iter().filter(|(key, _)| !state.contains_key(*key));
        let mut vanished = BTreeSet::new();
        for (&(name, id), place) in gone.clone() {
            self.joined.remove(&(name, id));
            vanished.insert(name);
            if !place.counts || hold_down(name).is_zero() {
                continue;
            }
            let there = |(key, port): (&(Name, Id), u16)| (port == place.port).then_some(key.0);
            let shares_with = before
                .iter()
                .map(|(key, it)| (key, it.port))
                .chain(was_missing.iter().map(|(key, it)| (key, it.port)))
                .filter_map(there)
                .filter(|other| *other != name)
                .collect();
            let missing = Missing {
                port: place.port,
                since: now,
                held_for: Duration::ZERO,
                shares_with,
                held: false,
                asked: false,
                silent: 0,
            };
            self.missing.insert((name, id), missing);
        }
        for (key, place) in state {
            let old = before.get(key);
            if old.is_some_and(|old| old.port == place.port) {
                continue;
            }
            let own = self.missing.remove(key).is_some();
            let returns = |at: &(Name, Id), it: &Missing| at.0 == key.0 && it.port == place.port;
            let met = self.missing.iter().any(|(at, it)| returns(at, it));
            self.missing.retain(|at, it| {
                let other = at.0 != key.0 && it.port == place.port;
                !(returns(at, it) || other && !it.shares_with.contains(&key.0))
            });
            if old.is_none() && self.started && place.counts && !own && !met {
                self.joined.insert(*key, now);
            }
        }
        self.missing.retain(|at, it| {
            let stays =
                |(key, place): (&(Name, Id), &Place)| key.0 == at.0 && place.port == it.port;
            !state.iter().any(stays)
        });
        self.started = true;
        let recent = |it: &Missing| now - it.since <= policy.window;
        let stayed = |of: &dyn Fn(Name) -> bool, joined: &BTreeMap<(Name, Id), Instant>| {
            let registered = state
                .iter()
                .filter(|(key, place)| of(key.0) && place.counts);
            let new = joined.keys().filter(|key| of(key.0)).count();
            registered.count().saturating_sub(new)
        };
        for &name in &vanished {
            let missing = self.missing.iter();
            let missing = missing
                .filter(|(at, it)| at.0 == name && recent(it))
                .count();
            let of = missing + stayed(&|it| it == name, &self.joined);
            let is_mass = missing >= policy.min && missing as f64 > policy.share * of as f64;
            if is_mass || self.is_ongoing(name, policy, hold_down(name), now) {
                self.doubt(name, policy, hold_down(name), now);
            }
        }
        if !vanished.is_empty() {
            let missing = self.missing.values().filter(|it| recent(it)).count();
            // As the services count, one by one.
            let names: BTreeSet<Name> = state.keys().map(|key| key.0).collect();
            let stayed: usize = names
                .into_iter()
                .map(|name| stayed(&|it| it == name, &self.joined))
                .sum();
            let of = missing + stayed;
            if missing >= policy.min && missing as f64 > policy.share * of as f64 {
                let names: BTreeSet<Name> = self.missing.keys().map(|at| at.0).collect();
                for name in names {
                    self.doubt(name, policy, hold_down(name), now);
                }
            }
        }
        self.end_waits(now);
    }

    fn is_ongoing(
        &self,
        name: Name,
        policy: &MassRemoval,
        hold_down: Duration,
        now: Instant,
    ) -> bool {
        let mass = self.mass.get(&name);
        mass.is_some_and(|(began, last)| now - *last <= policy.window && now - *began < hold_down)
    }

    fn doubt(&mut self, name: Name, policy: &MassRemoval, hold_down: Duration, now: Instant) {
        let ongoing = self.is_ongoing(name, policy, hold_down, now);
        let is_lost = self.is_lost;
        let doubtful = |(at, it): &(&(Name, Id), &mut Missing)| {
            at.0 == name
                && !it.held
                && now - it.since <= policy.window
                && (is_lost || it.held_for < hold_down)
        };
        let mut any = false;
        for (_, it) in self.missing.iter_mut().filter(doubtful) {
            it.held = true;
            any = true;
        }
        if any {
            let began = if ongoing { self.mass[&name].0 } else { now };
            self.mass.insert(name, (began, now));
            self.waits.entry(name).or_insert(now + MAX_WAIT);
        }
    }

    fn end_waits(&mut self, now: Instant) {
        let missing = &self.missing;
        let unasked = |name: Name| {
            let mut missing = missing.iter();
            missing.any(|(at, it)| at.0 == name && it.held && !it.asked)
        };
        self.waits
            .retain(|name, until| unasked(*name) && now < *until);
    }

    /// So much more time has passed.
    pub(super) fn elapse(&mut self, time: Duration) {
        if !self.is_lost {
            for it in self.missing.values_mut() {
                it.held_for += time;
            }
        }
    }

    pub(super) fn pass(
        &mut self,
        policy: &MassRemoval,
        hold_down: impl Fn(Name) -> Duration,
        now: Instant,
    ) {
        self.joined.retain(|_, at| now - *at <= policy.window);
        self.mass.retain(|name, (began, last)| {
            now - *last <= policy.window && now - *began < hold_down(*name)
        });
        let is_lost = self.is_lost;
        self.missing.retain(|at, it| match it.held {
            true => (is_lost || it.held_for < hold_down(at.0)) && !hold_down(at.0).is_zero(),
            false => now - it.since <= policy.window && !hold_down(at.0).is_zero(),
        });
        self.end_waits(now);
    }

    /// A probe of a held backend has ended.
    pub(super) fn probed(&mut self, key: (Name, Id), answer: ProbeAnswer, now: Instant) {
        if let Some(it) = self.missing.get_mut(&key).filter(|it| it.held) {
            it.silent = match answer {
                ProbeAnswer::Alive => 0,
                ProbeAnswer::Silent if it.asked => it.silent + 1,
                ProbeAnswer::Silent | ProbeAnswer::Refused => 2,
                ProbeAnswer::Unasked => return,
            };
            it.asked = true;
            if it.silent >= 2 {
                self.missing.remove(&key);
            }
        }
        self.end_waits(now);
    }

    /// Who is in the service's list: registered or held.
    pub(super) fn believed(&self, name: Name) -> BTreeMap<Id, u16> {
        let registered = self.registered.iter().map(|(at, it)| (at, it.port));
        let held = self.missing.iter().filter(|(_, it)| it.held);
        registered
            .chain(held.map(|(at, it)| (at, it.port)))
            .filter(|(at, _)| at.0 == name)
            .map(|(at, port)| (at.1, port))
            .collect()
    }

    pub(super) fn is_settled(&self, name: Name) -> bool {
        !self.waits.contains_key(&name)
    }
}
