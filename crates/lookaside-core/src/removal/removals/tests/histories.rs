//! Random histories, against the model.

use proptest::prelude::*;

use super::{
    super::*,
    address, backend,
    model::{Id, Model, Name, Place, Registered},
    name,
};
use crate::{BackendState, HostPort, removal::Hold};

const SERVICES: Name = 3;
const IDS: Id = 8;
const PORTS: u16 = 12;

#[derive(Clone, Debug)]
enum Step {
    /// These keys are written and deleted in one revision.
    Revision(Vec<Edit>),
    /// A service, or all of it, vanishes.
    Delete(Option<Name>),
    Pass(Duration),
    /// So many probes begin.
    Begin(usize),
    /// One that is under way ends.
    End(usize, ProbeAnswer),
    HoldDown(Name, Duration),
    /// The registry is lost, or back.
    Lost(bool),
}

#[derive(Clone, Debug)]
enum Edit {
    Put(Name, Id, Place),
    Delete(Name, Id),
}

fn edit() -> impl Strategy<Value = Edit> {
    let place = (0..PORTS, prop::bool::weighted(0.9));
    let place = place.prop_map(|(port, counts)| Place { port, counts });
    prop_oneof![
        (0..SERVICES, 0..IDS, place).prop_map(|(name, id, place)| Edit::Put(name, id, place)),
        (0..SERVICES, 0..IDS).prop_map(|(name, id)| Edit::Delete(name, id)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let answer = prop_oneof![
        4 => Just(ProbeAnswer::Alive),
        1 => Just(ProbeAnswer::Silent),
        1 => Just(ProbeAnswer::Refused),
        1 => Just(ProbeAnswer::Unasked),
    ];
    let hold_down = prop_oneof![
        Just(Duration::ZERO),
        (1u64..10).prop_map(Duration::from_secs)
    ];
    prop_oneof![
        6 => prop::collection::vec(edit(), 1..12).prop_map(Step::Revision),
        2 => prop::option::weighted(0.8, 0..SERVICES).prop_map(Step::Delete),
        4 => (0u64..3000).prop_map(|ms| Step::Pass(Duration::from_millis(ms))),
        4 => (1usize..20).prop_map(Step::Begin),
        6 => (any::<usize>(), answer).prop_map(|(which, answer)| Step::End(which, answer)),
        1 => (0..SERVICES, hold_down).prop_map(|(name, time)| Step::HoldDown(name, time)),
        1 => any::<bool>().prop_map(Step::Lost),
    ]
}

fn service_name(service: Name) -> ServiceName {
    name(&format!("s{service}"))
}

struct HoldDowns([Duration; SERVICES]);

impl Surroundings for HoldDowns {
    fn hold_down(&self, service: &ServiceName) -> Duration {
        let index: Name = service.as_str()[1..].parse().unwrap();
        self.0[index]
    }

    fn is_drained(&self, _: &ServiceName, backend: &Backend) -> bool {
        backend.id.as_str() == "drained"
    }

    fn addresses(&self, _: &ServiceName, backend: &Backend) -> Arc<[SocketAddr]> {
        backend.address.socket_addr().into_iter().collect()
    }
}

struct Run {
    removals: Removals,
    model: Model,
    policy: MassRemoval,
    hold_downs: HoldDowns,
    state: Registered,
    known: BTreeMap<Name, Option<Arc<Service>>>,
    under_way: Vec<SuspectProbe>,
    now: Instant,
}

impl Run {
    fn new() -> Self {
        let policy = MassRemoval::default();
        Self {
            removals: Removals::new(policy),
            model: Model::default(),
            policy,
            hold_downs: HoldDowns([Duration::from_secs(5); SERVICES]),
            state: Registered::new(),
            known: BTreeMap::new(),
            under_way: Vec::new(),
            now: Instant::now(),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Revision(edits) => {
                for edit in edits {
                    match edit {
                        Edit::Put(name, id, place) => _ = self.state.insert((name, id), place),
                        Edit::Delete(name, id) => _ = self.state.remove(&(name, id)),
                    }
                }
                self.observe();
            }
            Step::Delete(which) => {
                self.state
                    .retain(|(name, _), _| which.is_some_and(|it| it != *name));
                self.observe();
            }
            Step::Pass(time) => {
                self.now += time;
                self.model.elapse(time);
                self.pass();
            }
            Step::Begin(n) => {
                for _ in 0..n {
                    self.under_way.extend(self.removals.next_probe(self.now));
                }
            }
            Step::End(which, answer) => {
                if self.under_way.is_empty() {
                    return;
                }
                let probe = self.under_way.swap_remove(which % self.under_way.len());
                let service: Name = probe.service.as_str()[1..].parse().unwrap();
                let backend: Id = probe.backend.id.as_str()[1..].parse().unwrap();
                let key = (service, backend);
                // It may have returned and vanished again since: another probe is for that.
                let current = self.removals.guards.get(&probe.service);
                let current = current.and_then(|it| it.missing.get(&probe.backend.id));
                if current.is_some_and(|it| it.probe == Some(probe.ticket)) {
                    self.model.probed(key, answer, self.now);
                }
                self.removals.probed(probe.ticket, answer, self.now);
            }
            Step::HoldDown(service, time) => {
                self.hold_downs.0[service] = time;
                let name = service_name(service);
                self.removals.set_hold_down(&name, time, self.now);
                self.pass();
            }
            Step::Lost(is_lost) => self.set_lost(is_lost),
        }
    }

    fn set_lost(&mut self, is_lost: bool) {
        self.removals.set_lost(is_lost, self.now);
        self.model.is_lost = is_lost;
        self.pass();
    }

    fn pass(&mut self) {
        self.removals.pass(self.now);
        let hold_downs = &self.hold_downs.0;
        self.model.pass(&self.policy, |it| hold_downs[it], self.now);
    }

    fn observe(&mut self) {
        self.pass();
        let mut changes = Vec::new();
        for service in 0..SERVICES {
            let of = |((it, id), place): (&(Name, Id), &Place)| {
                let state = BackendState::Serving;
                let weight = u32::from(place.counts);
                (*it == service).then(|| backend(&format!("b{id}"), place.port, state, weight))
            };
            let backends: Vec<_> = self.state.iter().filter_map(of).collect();
            let problems = Vec::new();
            let new = (!backends.is_empty()).then_some(Service { backends, problems });
            let known = self.known.entry(service).or_default();
            if known.as_deref() != new.as_ref() {
                *known = new.map(Arc::new);
                changes.push((service_name(service), known.clone()));
            }
        }
        self.removals.observe(changes, &self.hold_downs, self.now);
        let hold_downs = &self.hold_downs.0;
        self.model
            .observe(&self.state, &self.policy, |it| hold_downs[it], self.now);
    }

    fn check(&self) {
        let mut held = 0;
        for service in 0..SERVICES {
            let belief = self.removals.belief(&service_name(service));
            let believed: BTreeMap<Id, HostPort> = belief
                .service
                .backends
                .iter()
                .map(|it| (it.id.as_str()[1..].parse().unwrap(), it.address.clone()))
                .collect();
            assert_eq!(
                believed.len(),
                belief.service.backends.len(),
                "each id once"
            );
            assert!(
                belief.service.backends.is_sorted_by(|a, b| a.id < b.id),
                "sorted"
            );
            let expected: BTreeMap<Id, HostPort> = self
                .model
                .believed(service)
                .into_iter()
                .map(|(id, port)| (id, address(port).into()))
                .collect();
            assert_eq!(believed, expected, "service {service}");
            assert_eq!(
                belief.settled,
                self.model.is_settled(service),
                "service {service} is settled"
            );
            for suspect in belief.suspects.iter() {
                let index = suspect.backend.id.as_str()[1..].parse::<Id>().unwrap();
                let known = &self.model.missing[&(service, index)];
                assert_eq!(suspect.answered, known.asked);
                let hold_down = self.hold_downs.0[service];
                let left = hold_down.saturating_sub(known.held_for);
                let expected = match self.model.is_lost {
                    true => Hold::Standing { left },
                    false => Hold::Until(self.now + left),
                };
                assert_eq!(suspect.hold, expected);
            }
            held += belief.suspects.len();
        }
        assert_eq!(self.removals.suspects(), held);
        // Each waits for its turn or is being asked, and nobody waits twice.
        let guards = self.removals.guards.values();
        let missing = guards.flat_map(|guard| guard.missing.values());
        let waiting = missing.filter(|it| it.is_held() && it.probe.is_none());
        assert_eq!(self.removals.probes.waiting(), waiting.count());
        assert_eq!(self.removals.tracked, self.model.missing.len());
        if let Some(due) = self.removals.next_due() {
            assert!(due > self.now, "what is due was done");
        }
    }

    /// Long after everything, nothing is left but what is registered.
    fn end(&mut self) {
        for probe in std::mem::take(&mut self.under_way) {
            self.removals
                .probed(probe.ticket, ProbeAnswer::Alive, self.now);
        }
        self.set_lost(false);
        self.now += Duration::from_secs(60);
        self.model.elapse(Duration::from_secs(60));
        self.pass();
        assert_eq!((self.removals.tracked, self.removals.held), (0, 0));
        assert_eq!(self.removals.next_due(), None);
        assert!(self.removals.missing.is_empty());
        let next = self.removals.next_probe(self.now);
        assert!(next.is_none(), "nobody is to be asked any more");
        assert_eq!(self.removals.next_probe_at(self.now), None);
        let services: BTreeSet<_> = self.state.keys().map(|(name, _)| *name).collect();
        assert_eq!(self.removals.guards.len(), services.len());
        let counted = self.state.values().filter(|place| place.counts).count();
        assert_eq!(self.removals.stayed, counted);
        assert!(self.removals.belief(&name("s0")).suspects.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_happens_the_same_is_believed_as_by_the_naive_rule(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        let mut run = Run::new();
        for step in steps {
            run.take(step);
            run.check();
        }
        run.end();
    }
}

#[test]
fn a_mass_removal_that_is_over_does_not_go_on_when_suspects_are_to_be_held_for_longer() {
    let put = |id| {
        let place = Place {
            port: id as u16,
            counts: true,
        };
        Edit::Put(0, id, place)
    };
    let delete = |id| Edit::Delete(0, id);
    let mut run = Run::new();
    for step in [
        Step::Revision((0..6).map(put).collect()),
        Step::Revision((0..4).map(delete).collect()),
        Step::Pass(Duration::from_millis(1_500)),
        // It goes on, although who was missing is back.
        Step::Revision((0..4).map(put).collect()),
        Step::Revision(vec![delete(4)]),
        Step::HoldDown(0, Duration::from_secs(3)),
        // It has lasted as long as a suspect is held.
        Step::Pass(Duration::from_millis(1_500)),
        Step::HoldDown(0, Duration::from_secs(4)),
        Step::Revision(vec![delete(5)]),
    ] {
        run.take(step);
        run.check();
    }
    let suspects = run.removals.belief(&name("s0")).suspects;
    let ids: Vec<_> = suspects.iter().map(|it| it.backend.id.as_str()).collect();
    assert_eq!(ids, ["b4"]);
}
