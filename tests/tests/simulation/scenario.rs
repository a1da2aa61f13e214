//! What happens in one run: drawn from its seed, whatever the product does.

use std::{collections::BTreeMap, time::Duration};

use fastrand::Rng;
use tokio::time::Instant;

use crate::{agenda::Agenda, world::World};

/// How long things happen.
const LASTS: Duration = Duration::from_secs(100);

/// Between two events, at most.
const MAX_GAP: Duration = Duration::from_secs(3);

/// Backends that come and go; the rock is one more.
const BACKENDS: usize = 8;
const ROCK: usize = 100;

/// Changes of a burst.
const BURST: usize = 50;

/// They keep lists short: many calls go round them in the end.
const WEIGHTS: [u32; 6] = [0, 1, 2, 3, 4, 12];

/// What a run is about: not everything happens in every one.
#[derive(Clone, Debug)]
pub struct Profile {
    /// One backend is up all the time.
    pub rock: bool,
    pub balancers: Harm,
    /// The registry stops telling balancers of changes.
    pub registry: bool,
    /// Operators set drops and fallback.
    pub settings: bool,
    /// Clients come and go.
    pub clients: bool,
}

/// What happens to balancers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    None,
    /// Their connections are cut.
    Cuts,
    /// They die, leave, go silent.
    All,
}

impl Profile {
    fn draw(rng: &mut Rng) -> Self {
        Self {
            rock: rng.bool(),
            balancers: *rng
                .choice(&[Harm::None, Harm::Cuts, Harm::All, Harm::All])
                .expect("some"),
            registry: rng.u32(..3) == 0,
            settings: rng.u32(..4) > 0,
            clients: rng.bool(),
        }
    }
}

enum Step {
    Random,
    Restart(usize),
    Thaw,
}

struct Scenario<'a> {
    world: &'a mut World,
    profile: Profile,
    agenda: Agenda<Step>,
    /// When places of backends that left are free again.
    busy: BTreeMap<usize, Instant>,
    /// Replicas that somebody will restart.
    down: Vec<usize>,
    frozen: bool,
}

/// Makes the first things and then lets things happen; returns what the run was about.
pub async fn run(world: &mut World) -> Profile {
    let mut rng = world.rng.fork();
    let profile = Profile::draw(&mut rng);
    world.log.event(format!("{profile:?}"));
    if profile.rock {
        world.join(ROCK, 1);
        // The registry has it before any client asks.
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.witness.has_rock();
    }
    for n in 0..rng.usize(..4) {
        let weight = *rng.choice(&WEIGHTS).expect("some");
        world
            .log
            .event(format!("backend {n} joins, weight {weight}"));
        world.join(n, weight);
    }
    for _ in 0..rng.usize(1..=3) {
        add_client(world, &mut rng);
    }
    let mut scenario = Scenario {
        world,
        profile: profile.clone(),
        agenda: Agenda::new(),
        busy: BTreeMap::new(),
        down: Vec::new(),
        frozen: false,
    };
    scenario.play(&mut rng).await;
    profile
}

fn add_client(world: &mut World, rng: &mut Rng) {
    let has_fallback = rng.u32(..3) > 0;
    let name = world.add_client(has_fallback);
    world
        .log
        .event(format!("client {name}, fallback addresses: {has_fallback}"));
}

impl Scenario<'_> {
    async fn play(&mut self, rng: &mut Rng) {
        let end = Instant::now() + LASTS;
        self.agenda.after(Duration::ZERO, Step::Random);
        while let Some((at, step)) = self.agenda.next().await {
            match step {
                Step::Random if at < end => {
                    self.random(rng).await;
                    let gap = rng.u64(..MAX_GAP.as_millis() as u64);
                    self.agenda.after(Duration::from_millis(gap), Step::Random);
                }
                Step::Random => {}
                Step::Restart(replica) => {
                    self.log(format!("replica {replica} starts"));
                    self.down.retain(|it| *it != replica);
                    self.world.replicas[replica].kill();
                    self.world.replicas[replica].start();
                }
                Step::Thaw => {
                    self.log("the registry is followed again");
                    self.frozen = false;
                    self.world
                        .replicas
                        .iter()
                        .for_each(|it| it.view.freeze(false));
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

    async fn random(&mut self, rng: &mut Rng) {
        match rng.u32(..100) {
            0..40 => self.backend(rng),
            40..44 => self.burst(rng),
            44..47 if !self.frozen => {
                self.log("all leases run out");
                self.world.expire_all().await;
            }
            47..75 if self.profile.balancers != Harm::None => self.balancer(rng),
            75..85 if self.profile.settings => self.settings(rng).await,
            85..90 if self.profile.registry && !self.frozen => self.freeze(rng),
            90..100 if self.profile.clients => self.client(rng),
            _ => self.backend(rng),
        }
    }

    fn backend(&mut self, rng: &mut Rng) {
        let n = rng.usize(..BACKENDS);
        let is_there = self.world.backends.contains_key(&n);
        match rng.u32(..10) {
            _ if !is_there => self.join(n, rng),
            0..3 => {
                let stays = Duration::from_secs(rng.u64(..20));
                self.log(format!("backend {n} leaves, and stops {stays:?} later"));
                self.world.leave(n, stays);
                // Drain, stay, and the last calls.
                let gone = stays + Duration::from_secs(12);
                self.busy.insert(n, Instant::now() + gone);
            }
            3..5 => {
                self.log(format!("backend {n} crashes"));
                self.world.crash(n);
            }
            5 => {
                self.log(format!("backend {n} vanishes"));
                self.world.vanish(n);
            }
            6..8 => {
                self.log(format!("backend {n} sends GOAWAY"));
                self.world.go_away(n);
            }
            _ => {
                let weight = *rng.choice(&WEIGHTS).expect("some");
                self.log(format!("backend {n} weighs {weight}"));
                self.world.weigh(n, weight);
            }
        }
    }

    fn join(&mut self, n: usize, rng: &mut Rng) {
        let weight = *rng.choice(&WEIGHTS).expect("some");
        if self
            .busy
            .get(&n)
            .is_none_or(|until| *until <= Instant::now())
        {
            self.log(format!("backend {n} joins, weight {weight}"));
            self.world.join(n, weight);
        }
    }

    fn burst(&mut self, rng: &mut Rng) {
        self.log(format!("{BURST} changes at once:"));
        for _ in 0..BURST {
            let n = rng.usize(..BACKENDS);
            let weight = *rng.choice(&WEIGHTS).expect("some");
            if self.world.backends.contains_key(&n) {
                self.world.weigh(n, weight);
            } else {
                self.join(n, rng);
            }
        }
    }

    fn balancer(&mut self, rng: &mut Rng) {
        let n = rng.usize(..self.world.replicas.len());
        let back = Duration::from_millis(rng.u64(200..20_000));
        let what = match self.profile.balancers {
            Harm::All => rng.u32(..10),
            Harm::Cuts | Harm::None => 8,
        };
        if what == 9 {
            self.log(format!("all replicas die, for {back:?}"));
            for n in 0..self.world.replicas.len() {
                self.world.replicas[n].kill();
                if !self.down.contains(&n) {
                    self.down.push(n);
                    self.agenda.after(back, Step::Restart(n));
                }
            }
            return;
        }
        if self.down.contains(&n) {
            return;
        }
        let replica = &mut self.world.replicas[n];
        match what {
            0..3 => {
                self.world
                    .log
                    .event(format!("replica {n} dies, for {back:?}"));
                replica.kill();
            }
            3..5 => {
                self.world.log.event(format!("replica {n} drains"));
                self.world.beside.spawn(replica.drain());
            }
            5..7 => {
                self.world
                    .log
                    .event(format!("replica {n} goes silent, for {back:?}"));
                replica.black_hole();
            }
            _ => {
                self.world
                    .log
                    .event(format!("the connections of replica {n} are cut"));
                replica.cut();
                return;
            }
        }
        self.down.push(n);
        // A drain may take 15 s.
        let drained = if (3..5).contains(&what) {
            Duration::from_secs(16)
        } else {
            Duration::ZERO
        };
        self.agenda.after(back + drained, Step::Restart(n));
    }

    async fn settings(&mut self, rng: &mut Rng) {
        let drops: &[(&str, u32)] = match rng.u32(..6) {
            0 => {
                let fallback = !self.world.settings.fallback;
                self.log(format!("settings: fallback {fallback}"));
                self.world.set_fallback(fallback).await;
                return;
            }
            1 => &[],
            2 => &[("overload", 500_000)],
            3 => &[("overload", 100_000), ("tests", 200_000)],
            4 => &[("a.b.c-d", 250_000)],
            _ => &[("everything", 1_000_000)],
        };
        self.log(format!("settings: drops {drops:?}"));
        self.world.set_drops(drops).await;
    }

    fn freeze(&mut self, rng: &mut Rng) {
        let frozen = Duration::from_secs(rng.u64(1..20));
        self.log(format!("the registry is not followed for {frozen:?}"));
        self.frozen = true;
        for replica in &self.world.replicas {
            replica.view.freeze(true);
        }
        self.agenda.after(frozen, Step::Thaw);
    }

    fn client(&mut self, rng: &mut Rng) {
        let many = self.world.clients.len();
        if many == 0 || (many < 5 && rng.bool()) {
            add_client(self.world, rng);
            return;
        }
        let client = self.world.clients.swap_remove(rng.usize(..many));
        self.log(format!("client {} is dropped", client.name));
    }
}
