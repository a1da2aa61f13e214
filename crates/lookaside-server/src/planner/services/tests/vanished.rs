use lookaside_core::{HealthCheck, Hold, Host, HostPort, Probe, ProbeAnswer};
use lookaside_registry::{
    LastKnown,
    names::{Answer, Lookup, LookupError, NameResolver},
};

use super::*;

const ALL: [u16; 6] = [1, 2, 3, 4, 5, 6];
const SECOND: Duration = Duration::from_secs(1);

impl Fixture {
    /// With six backends of `orders`, for a minute.
    fn settled() -> Self {
        let mut fixture = Self::new(OnEmpty::Fallback);
        fixture.set("orders", Some(service(&ALL)));
        fixture.pass(60 * SECOND);
        fixture
    }

    fn pass(&mut self, time: Duration) -> &mut Self {
        self.after(time);
        self.services.look(self.now());
        self
    }

    /// Ends all probes that are due; gives how they were to be asked.
    fn answer(&mut self, answer: impl Fn(u16) -> ProbeAnswer) -> Vec<Probe> {
        let mut asked = Vec::new();
        while let Some((probe, check)) = self.services.next_probe(self.now()) {
            let answer = answer(probe.addresses[0].port());
            self.services.probed(probe.ticket, answer, self.now());
            asked.push(check);
        }
        asked
    }

    /// Begins anew after a process that knew this.
    fn remember(&mut self, known: &RegistryState) {
        let last_known = LastKnown {
            state: Arc::new(known.clone()),
            suspects: BTreeMap::new(),
        };
        self.services.remember(&last_known, self.now());
    }

    fn suspects(&self, text: &str) -> usize {
        self.published(text).unwrap().suspects.len()
    }
}

fn alive(_: u16) -> ProbeAnswer {
    ProbeAnswer::Alive
}

fn refused(_: u16) -> ProbeAnswer {
    ProbeAnswer::Refused
}

#[test]
fn leases_that_run_out_and_come_back_are_no_update() {
    let mut fixture = Fixture::settled();
    fixture.set("orders", None).pass(QUIET);
    assert_eq!(fixture.suspects("orders"), 6, "people see it");
    assert_eq!(fixture.answer(alive).len(), 6);
    for back in 1..=6 {
        fixture.pass(SECOND);
        fixture.answer(alive);
        fixture.set("orders", Some(service(&ALL[..back])));
    }
    fixture.pass(60 * SECOND);
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (1, 6));
    assert_eq!(
        (fixture.services.next_look(), fixture.suspects("orders")),
        (None, 0)
    );
    assert_eq!(fixture.services.suspects(), 0);
}

#[test]
fn the_dead_of_a_mass_removal_go_when_all_have_been_asked() {
    let mut fixture = Fixture::settled();
    fixture.set("orders", Some(service(&[6])));
    fixture.pass(QUIET);
    let two = |port| match port {
        1 | 2 => ProbeAnswer::Alive,
        _ => ProbeAnswer::Silent,
    };
    for n in 0..5 {
        assert_eq!(fixture.version("orders"), 1, "after {n} answers");
        let (probe, _) = fixture.services.next_probe(fixture.now()).unwrap();
        let answer = two(probe.addresses[0].port());
        fixture.services.probed(probe.ticket, answer, fixture.now());
    }
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (2, 3));
    assert_eq!(fixture.suspects("orders"), 2);
    fixture.pass(30 * SECOND).after(QUIET);
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (3, 1));
}

#[test]
fn a_registry_that_is_lost_stops_the_hold_and_nothing_is_sent() {
    let mut fixture = Fixture::settled();
    fixture.set("orders", Some(service(&[6])));
    fixture.pass(QUIET);
    assert_eq!(fixture.answer(alive).len(), 5);
    fixture.pass(20 * SECOND);
    fixture.set_lost(true);
    fixture.pass(QUIET);
    for _ in 0..120 {
        fixture.pass(SECOND);
        assert_eq!(fixture.answer(alive).len(), 5);
    }
    assert_eq!(
        (fixture.version("orders"), fixture.suspects("orders")),
        (1, 5)
    );
    let hold = |fixture: &Fixture| fixture.published("orders").unwrap().suspects[0].hold;
    let Hold::Standing { left } = hold(&fixture) else {
        panic!("people are not told that it stands still");
    };
    assert!(left > 9 * SECOND && left < 10 * SECOND, "{left:?}");

    fixture.set_lost(false);
    let back = fixture.now().timer.into_std();
    fixture.pass(QUIET);
    assert_eq!(hold(&fixture), Hold::Until(back + left));
    fixture.set("orders", Some(service(&[1, 2, 6])));
    fixture.pass(9 * SECOND);
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (1, 6));
    fixture.pass(SECOND).after(QUIET);
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (2, 3));
}

#[test]
fn a_service_that_is_dead_falls_back_once_it_has_been_asked() {
    let mut fixture = Fixture::settled();
    fixture.set("orders", None).pass(QUIET);
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (1, 6));
    fixture.answer(refused);
    fixture.after(QUIET);
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (2, 0));
}

#[test]
fn what_was_debounced_before_a_mass_removal_is_not_sent_before_the_judgement() {
    let mut fixture = Fixture::settled();
    fixture.set("orders", Some(service(&ALL[1..])));
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (2, 5));
    fixture.after(QUIET / 2);
    fixture.set("orders", Some(service(&ALL[2..])));
    fixture.after(QUIET / 4);
    fixture.set("orders", Some(service(&ALL[4..])));
    fixture.pass(10 * QUIET);
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (2, 5));
    fixture.answer(alive);
    fixture.after(QUIET);
    assert_eq!(fixture.slots("orders"), 6, "the first is back, too");
}

#[test]
fn settings_take_effect_while_the_missing_are_asked_and_backends_wait() {
    let mut fixture = Fixture::settled();
    let revision = fixture.published("orders").unwrap().revision;
    fixture.set("orders", Some(service(&[6])));
    fixture.pass(SECOND);
    fixture.set("orders", Some(service(&[6, 7])));
    let mut settings = Settings::default();
    let drop = Drop {
        category: "overload".into(),
        per_million: 500_000,
    };
    settings.drops = Drops::new([drop]).unwrap();
    fixture.set_settings("orders", Some(settings));
    fixture.after(QUIET);
    assert_eq!(
        fixture.slots("orders"),
        12,
        "six backends and as many drops"
    );
    assert_eq!(fixture.published("orders").unwrap().revision, revision);
    fixture.answer(alive);
    fixture.after(QUIET);
    assert_eq!(fixture.slots("orders"), 14);
    assert_eq!(fixture.published("orders").unwrap().revision, revision + 2);
}

#[test]
fn a_plan_waits_three_seconds_at_most() {
    let mut fixture = Fixture::settled();
    fixture.set("orders", Some(service(&[6, 7])));
    let look = fixture.services.next_look().unwrap();
    assert!(look <= fixture.now().timer + 3 * SECOND);
    fixture.pass(3 * SECOND).after(QUIET);
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (2, 7));
}

#[test]
fn a_service_setting_turns_the_rule_off_even_for_those_that_are_held() {
    let mut fixture = Fixture::settled();
    fixture.set("orders", Some(service(&[6])));
    fixture.answer(alive);
    let mut settings = Settings::default();
    settings.hold_down = Some(Duration::ZERO);
    fixture.pass(SECOND);
    fixture.set_settings("orders", Some(settings));
    fixture.after(QUIET);
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (2, 1));
    fixture.set("orders", Some(service(&ALL))).pass(SECOND);
    fixture.set("orders", Some(service(&[6]))).pass(SECOND);
    assert_eq!(fixture.slots("orders"), 1, "believed at once");
    assert!(fixture.answer(alive).is_empty());
}

#[test]
fn the_missing_are_asked_as_the_service_is_checked() {
    let mut fixture = Fixture::settled();
    fixture.set("orders", None);
    assert_eq!(fixture.answer(alive), [const { Probe::Tcp }; 6]);
    let grpc = Probe::Grpc {
        service: "orders".into(),
        tls: false,
    };
    let mut settings = Settings::default();
    settings.health = Some(HealthCheck::new(grpc.clone()));
    fixture.set_settings("orders", Some(settings));
    fixture.pass(SECOND);
    let asked = fixture.answer(alive);
    assert_eq!(asked, vec![grpc; 6]);
}

#[test]
fn whom_an_operator_has_drained_is_not_missing() {
    let mut fixture = Fixture::settled();
    let drain = |port: u16| Override::Drain(BackendId::new(&format!("b{port}")).unwrap());
    fixture.set_overrides("orders", ALL[..5].iter().copied().map(drain));
    fixture.pass(SECOND);
    fixture.set("orders", Some(service(&[6]))).pass(SECOND);
    assert!(fixture.answer(alive).is_empty());
    assert_eq!(fixture.suspects("orders"), 0);
}

#[test]
fn a_machine_that_is_cordoned_and_switched_off_is_not_missing() {
    let mut fixture = Fixture::settled();
    let cordon = Override::Cordon(lookaside_core::Place::host("10.0.0.1").unwrap());
    fixture.set_overrides("**", [cordon]);
    fixture.pass(SECOND);
    fixture.set("orders", Some(service(&[6]))).pass(SECOND);
    assert!(fixture.answer(alive).is_empty());
    assert_eq!(fixture.suspects("orders"), 0);
}

#[test]
fn an_operator_drains_a_suspect_at_once() {
    let mut fixture = Fixture::settled();
    fixture.set("orders", Some(service(&[6])));
    fixture.answer(alive);
    let drain = |port: u16| Override::Drain(BackendId::new(&format!("b{port}")).unwrap());
    fixture.pass(SECOND);
    fixture.set_overrides("orders", [drain(1)]);
    fixture.after(QUIET);
    assert_eq!(fixture.slots("orders"), 5);
}

#[test]
fn a_service_is_known_as_long_as_it_has_suspects() {
    let mut fixture = Fixture::settled();
    fixture.services.config.defaults.hold_down = 2 * KNOWN_FOR;
    fixture.set("orders", None);
    fixture.answer(alive);
    fixture.pass(KNOWN_FOR + SECOND);
    fixture.answer(alive);
    fixture.services.forget_absent(fixture.now().timer);
    assert_eq!(fixture.slots("orders"), 6);
    fixture.pass(KNOWN_FOR);
    assert_eq!(fixture.slots("orders"), 0);
    fixture.services.forget_absent(fixture.now().timer);
    assert!(fixture.published("orders").is_some(), "for ten minutes yet");
    fixture.pass(KNOWN_FOR);
    fixture.services.forget_absent(fixture.now().timer);
    assert!(fixture.published("orders").is_none());
}

#[test]
fn what_vanished_before_the_start_is_asked_before_the_first_list() {
    let mut before = Fixture::settled();
    let known = before.state.clone();
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    before.at = Duration::ZERO;
    fixture.remember(&known);
    fixture.set("orders", Some(service(&[6])));
    assert!(fixture.services.asks());
    assert!(fixture.published("orders").is_none());
    fixture.answer(alive);
    assert!(!fixture.services.asks());
    fixture.after(QUIET);
    assert_eq!(
        (fixture.slots("orders"), fixture.suspects("orders")),
        (6, 5)
    );
}

#[test]
fn a_service_that_vanished_before_the_start_altogether_is_asked_too() {
    let known = Fixture::settled().state;
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    fixture.remember(&known);
    fixture.set("users", Some(service(&[1])));
    fixture.answer(|_| ProbeAnswer::Alive);
    fixture.after(QUIET);
    // Its first address is somebody else's now.
    assert_eq!(fixture.slots("orders"), 5);
}

#[test]
fn what_was_known_long_ago_says_nothing() {
    let known = Fixture::settled().state;
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    fixture.at = KNOWN_FOR + 60 * SECOND;
    fixture.remember(&known);
    fixture.set("orders", Some(service(&[6])));
    assert!(!fixture.services.asks());
    assert_eq!(fixture.slots("orders"), 1);
}

/// Everything is at 10.0.0.9.
#[derive(Debug)]
struct Nine;

#[async_trait::async_trait]
impl Lookup for Nine {
    async fn lookup(&self, _: &str) -> Result<Answer, LookupError> {
        Ok(Answer {
            addresses: vec![[10, 0, 0, 9].into()],
            ttl: 60 * SECOND,
            incomplete: None,
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_suspect_keeps_the_addresses_of_its_name_though_nobody_follows_it_any_more() {
    let mut named = (*service(&ALL)).clone();
    for backend in &mut named.backends {
        let mut new = (**backend).clone();
        let host = format!("{}.example", backend.id);
        new.address = HostPort::new(Host::Name(host.into()), 50051);
        *backend = Arc::new(new);
    }
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    let named = Arc::new(named);
    fixture.set("orders", Some(Arc::clone(&named)));
    let (states, seen) = tokio::sync::watch::channel(Arc::new(fixture.state.clone()));
    let resolver = NameResolver::spawn(Arc::new(Nine), seen, fastrand::Rng::with_seed(1));
    let mut names = resolver.subscribe();
    let resolved = names.wait_for(|it| it.iter().count() == 6).await.unwrap();
    fixture
        .services
        .resolve(Arc::clone(&resolved), fixture.now());
    drop(resolved);
    fixture.pass(60 * SECOND);
    assert_eq!(fixture.slots("orders"), 6);
    // The resolver sees them vanish first.
    states.send_modify(|state| {
        Arc::make_mut(state).backends = Some(Arc::default());
    });
    let none = names.wait_for(|it| it.iter().count() == 0).await.unwrap();
    fixture.services.resolve(Arc::clone(&none), fixture.now());
    drop(none);
    fixture.pass(SECOND);
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (1, 6));
    fixture.set("orders", None).pass(SECOND);
    assert_eq!(fixture.answer(|_| ProbeAnswer::Alive).len(), 6);
    fixture.pass(SECOND);
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (1, 6));
}
