mod changelog;
mod cordons;
mod health;
mod keys;
mod remembered;
mod vanished;

use std::{collections::BTreeMap, net::SocketAddr, num::NonZeroU32};

use lookaside_core::{
    Backend, BackendId, BackendState, Drop, Drops, Limits, NO_BACKENDS, Override, OverrideNote,
    Plan, PolicyDefaults, Problem, ReportDelta, Settings, TokenIssuer,
};
use lookaside_registry::Freshness;

use super::*;
use crate::{OnEmpty, encode::slot_bytes, table::Published};

const QUIET: Duration = Duration::from_millis(100);

struct Fixture {
    services: Services,
    table: Arc<Table>,
    state: RegistryState,
    start: Instant,
    at: Duration,
}

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).unwrap()
}

fn service(ports: &[u16]) -> Arc<Service> {
    let backend = |&port: &u16| {
        Arc::new(Backend {
            id: BackendId::new(&format!("b{port}")).unwrap(),
            address: SocketAddr::from(([10, 0, 0, 1], port)).into(),
            weight: 1,
            zone: None,
            state: BackendState::Serving,
            key: "k".into(),
            revision: 1,
        })
    };
    Arc::new(Service {
        backends: ports.iter().map(backend).collect(),
        problems: Vec::new(),
    })
}

impl Fixture {
    fn new(on_empty: OnEmpty) -> Self {
        Self::with_panic(on_empty, 0.5)
    }

    fn with_panic(on_empty: OnEmpty, panic: f64) -> Self {
        let table = Arc::new(Table::new());
        let config = PlanConfig {
            issuer: TokenIssuer::default(),
            limits: Limits::new(slot_bytes),
            defaults: PolicyDefaults {
                on_empty,
                ..PolicyDefaults::default()
            },
            panic,
            push: Arc::default(),
            registry: crate::metrics::RegistryMetrics::default(),
        };
        let start = Instant::now();
        let mut state = RegistryState::connecting(start);
        state.freshness = Freshness::Synced { as_of: start };
        state.backends = Some(Arc::default());
        state.settings = Some(Arc::default());
        state.overrides = Some(Arc::default());
        Self {
            services: Services::new(Arc::clone(&table), config, &Lists::default()),
            table,
            state,
            start,
            at: Duration::ZERO,
        }
    }

    fn now(&self) -> Now {
        Now {
            timer: self.start + self.at,
            clock: SystemTime::UNIX_EPOCH + self.at,
        }
    }

    /// Sets a service's backends, `None` to take its keys away.
    fn set(&mut self, text: &str, service: Option<Arc<Service>>) -> &mut Self {
        let mut snapshot = (**self.state.backends.as_ref().unwrap()).clone();
        snapshot.revision += 1;
        match service {
            Some(service) => snapshot.services.insert(name(text), service),
            None => snapshot.services.remove(&name(text)),
        };
        self.state.backends = Some(Arc::new(snapshot));
        self.services.observe(&self.state, self.now());
        self
    }

    fn set_settings(&mut self, text: &str, settings: Option<Settings>) {
        let mut services: BTreeMap<_, _> = self.state.settings.as_ref().unwrap().services.clone();
        match settings {
            Some(settings) => services.insert(
                name(text),
                Arc::new(ServiceSettings {
                    settings,
                    problem: None,
                }),
            ),
            None => services.remove(&name(text)),
        };
        self.state.settings = Some(Arc::new(SettingsSnapshot {
            services,
            ..SettingsSnapshot::default()
        }));
        self.services.observe(&self.state, self.now());
    }

    fn set_overrides(&mut self, text: &str, overrides: impl IntoIterator<Item = Override>) {
        let noted = overrides.into_iter().map(|it| {
            let note = OverrideNote {
                by: Some("alice".into()),
                reason: Some("a test".into()),
                ..OverrideNote::default()
            };
            (it, note)
        });
        let overrides = ServiceOverrides::new(noted, Vec::new());
        let mut snapshot = (**self.state.overrides.as_ref().unwrap()).clone();
        if overrides.is_empty() {
            snapshot.services.remove(&name(text));
        } else {
            snapshot.services.insert(name(text), Arc::new(overrides));
        }
        self.state.overrides = Some(Arc::new(snapshot));
        self.services.observe(&self.state, self.now());
    }

    /// The registry does not answer from now on, or does again.
    fn set_lost(&mut self, is_lost: bool) {
        let as_of = self.now().timer;
        self.state.freshness = match is_lost {
            true => Freshness::Stale {
                as_of,
                error: "down".into(),
            },
            false => Freshness::Synced { as_of },
        };
        self.services.observe(&self.state, self.now());
    }

    fn after(&mut self, time: Duration) -> &mut Self {
        self.at += time;
        self.services.send_due(self.now());
        self
    }

    fn published(&self, text: &str) -> Option<Arc<Published>> {
        self.table.find(&[name(text)])?.published()
    }

    fn version(&self, text: &str) -> u64 {
        self.published(text).unwrap().plan_version
    }

    fn slots(&self, text: &str) -> usize {
        match &*self.published(text).unwrap().plan {
            Plan::List(list) => list.slots().len(),
            Plan::Fallback(_) => 0,
        }
    }
}

#[test]
fn nothing_is_planned_before_backends_settings_and_overrides_are_all_there() {
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    let complete = fixture.state.clone();
    fixture.state.settings = None;
    fixture.services.observe(&fixture.state, fixture.now());
    fixture.state = complete.clone();
    fixture.state.backends = None;
    fixture.services.observe(&fixture.state, fixture.now());
    fixture.state = complete.clone();
    fixture.state.overrides = None;
    fixture.services.observe(&fixture.state, fixture.now());
    assert!(!fixture.services.has_state());
    fixture.services.observe(&complete, fixture.now());
    assert!(fixture.services.has_state());
}

#[test]
fn the_first_change_goes_out_at_once_and_a_burst_as_one() {
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    fixture.set("orders", Some(service(&[1])));
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (1, 1));
    for port in 2..10 {
        let ports: Vec<u16> = (1..=port).collect();
        fixture
            .after(QUIET / 10)
            .set("orders", Some(service(&ports)));
        assert_eq!(fixture.version("orders"), 1);
    }
    let due = fixture.services.next_due().unwrap();
    assert_eq!(due, fixture.start + fixture.at + QUIET);
    fixture.after(QUIET);
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (2, 9));
    assert_eq!(fixture.services.next_due(), None);
}

#[test]
fn services_do_not_wait_for_each_other() {
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    fixture.set("orders", Some(service(&[1])));
    fixture.set("orders", Some(service(&[1, 2])));
    fixture.set("users", Some(service(&[1])));
    assert_eq!(
        (fixture.version("orders"), fixture.version("users")),
        (1, 1)
    );
}

#[test]
fn a_change_that_nobody_sees_is_no_update_and_delays_none() {
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    fixture.set("orders", Some(service(&[1]))).after(QUIET);
    let mut same = (*service(&[1])).clone();
    same.problems.push(Problem {
        key: "services/orders/junk".into(),
        reason: "junk".into(),
        revision: 2,
    });
    fixture.set("orders", Some(Arc::new(same)));
    assert_eq!(fixture.version("orders"), 1);
    let published = fixture.published("orders").unwrap();
    assert_eq!(published.service.problems.len(), 1, "people see it");
    fixture.set("orders", Some(service(&[1, 2])));
    assert_eq!(fixture.version("orders"), 2);
}

#[test]
fn a_service_without_backends_falls_back_and_returns() {
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    fixture.set("orders", Some(service(&[1]))).after(QUIET);
    fixture.set("orders", None).after(QUIET);
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (2, 0));
    let reason = fixture.published("orders").unwrap().reason.clone();
    assert_eq!(reason.as_deref(), Some("no backend is registered"));
    fixture.set("orders", Some(service(&[1])));
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (3, 1));
}

#[test]
fn a_service_of_unreadable_keys_alone_is_known_and_says_so() {
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    let mut unreadable = Service::default();
    unreadable.problems.push(Problem {
        key: "services/orders/junk".into(),
        reason: "junk".into(),
        revision: 2,
    });
    fixture.set("orders", Some(Arc::new(unreadable)));
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (1, 0));
    assert!(fixture.table.open(&[name("orders")]).is_some());
    let reason = fixture.published("orders").unwrap().reason.clone();
    assert_eq!(
        reason.as_deref(),
        Some("no backend can be read, keys with problems: 1")
    );
}

#[test]
fn the_last_list_is_held_if_asked_for_but_an_order_to_fall_back_is_obeyed() {
    let mut fixture = Fixture::new(OnEmpty::Hold);
    fixture.set("orders", Some(service(&[1, 2]))).after(QUIET);
    fixture.set("orders", None).after(QUIET);
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (1, 2));
    let reason = fixture.published("orders").unwrap().reason.clone().unwrap();
    assert!(reason.contains("the last list is kept"), "{reason}");
    let mut settings = Settings::default();
    settings.fallback = true;
    fixture.set_settings("orders", Some(settings));
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (2, 0));
}

#[test]
fn the_last_list_is_held_although_fallback_was_ordered_meanwhile() {
    let mut fixture = Fixture::new(OnEmpty::Hold);
    fixture.set("orders", Some(service(&[1, 2]))).after(QUIET);
    let mut settings = Settings::default();
    settings.fallback = true;
    fixture.set_settings("orders", Some(settings));
    // The list to hold is the last there would have been.
    fixture
        .after(QUIET)
        .set("orders", Some(service(&[1, 2, 3])));
    fixture.after(QUIET).set("orders", None).after(QUIET);
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (2, 0));
    fixture.set_settings("orders", Some(Settings::default()));
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (3, 3));

    // What is set since holds for a list that is held too.
    let mut settings = Settings::default();
    settings.drops = Drops::new([Drop {
        category: "overload".into(),
        per_million: 500_000,
    }])
    .unwrap();
    fixture.after(QUIET).set_settings("orders", Some(settings));
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (4, 6));
}

#[test]
fn a_setting_wins_over_the_configuration_and_may_come_and_go() {
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    fixture.set("orders", Some(service(&[1, 2]))).after(QUIET);
    let mut settings = Settings::default();
    settings.on_empty = Some(OnEmpty::Hold);
    settings.max_slots = NonZeroU32::new(5);
    fixture.set_settings("orders", Some(settings));
    fixture.after(QUIET).set("orders", None).after(QUIET);
    assert_eq!(fixture.slots("orders"), 2, "held");
    let mut weights = (*service(&[1, 2])).clone();
    Arc::make_mut(&mut weights.backends[0]).weight = 1_000;
    Arc::make_mut(&mut weights.backends[1]).weight = 1;
    fixture.set("orders", Some(Arc::new(weights))).after(QUIET);
    assert_eq!(fixture.slots("orders"), 8, "4 per backend at least");
    fixture.set_settings("orders", None);
    fixture.after(QUIET);
    assert_eq!(fixture.slots("orders"), 1001);
    fixture.set("orders", None).after(QUIET);
    assert_eq!(fixture.slots("orders"), 0, "fallback");
}

#[test]
fn an_override_wins_and_ends_without_a_trace() {
    let id = |port: u16| BackendId::new(&format!("b{port}")).unwrap();
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    fixture.set("orders", Some(service(&[1, 2]))).after(QUIET);
    fixture.set_overrides("orders", [Override::Weight(id(2), 4)]);
    assert_eq!(fixture.slots("orders"), 5);
    fixture.after(QUIET);
    fixture.set_overrides("orders", [Override::Drain(id(2)), Override::Drain(id(9))]);
    assert_eq!(fixture.slots("orders"), 1);

    let mut settings = Settings::default();
    settings.fallback = true;
    fixture.after(QUIET).set_settings("orders", Some(settings));
    assert_eq!(fixture.slots("orders"), 0);
    fixture.after(QUIET);
    fixture.set_overrides("orders", [Override::Fallback(false)]);
    assert_eq!(fixture.slots("orders"), 2);
    fixture.after(QUIET).set_settings("orders", None);
    fixture
        .after(QUIET)
        .set_overrides("orders", [Override::Fallback(true)]);
    assert_eq!(fixture.slots("orders"), 0);
    let reason = fixture.published("orders").unwrap().reason.clone().unwrap();
    assert_eq!(reason, "fallback by override of alice: a test");
    fixture.after(QUIET).set_overrides("orders", []);
    assert_eq!((fixture.version("orders"), fixture.slots("orders")), (7, 2));
}

#[test]
fn reported_drops_are_counted_under_the_categories_of_the_list() {
    let report = |category: &str| ReportDelta {
        started: 5,
        finished: 5,
        drops: vec![(category.to_owned(), 5)],
        ..ReportDelta::default()
    };
    let mut fixture = Fixture::new(OnEmpty::Drop);
    fixture.set("orders", Some(service(&[1, 2]))).after(QUIET);
    let drops = Drops::new([Drop {
        category: "ordered".into(),
        per_million: 500_000,
    }])
    .unwrap();
    fixture.set_overrides("orders", [Override::Drops(drops)]);
    fixture.after(QUIET);
    let entry = fixture.table.find(&[name("orders")]).unwrap();
    entry.report(&report("ordered"));
    entry.report(&report("made up"));
    fixture.set("orders", None).after(QUIET);
    entry.report(&report(NO_BACKENDS));
    let counted: Vec<(String, u64)> = entry
        .reports()
        .drops()
        .map(|(category, calls)| (category.to_owned(), calls))
        .collect();
    let expected = [("all others", 5), (NO_BACKENDS, 5), ("ordered", 5)];
    assert_eq!(counted, expected.map(|(it, calls)| (it.to_owned(), calls)));
}

#[test]
fn a_service_with_overrides_alone_is_known() {
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    fixture.set_overrides("orders", [Override::Fallback(true)]);
    assert_eq!(fixture.version("orders"), 1);
}

#[test]
fn all_calls_are_dropped_if_asked_for() {
    let mut fixture = Fixture::new(OnEmpty::Drop);
    fixture.set("orders", Some(service(&[])));
    let published = fixture.published("orders").unwrap();
    let Plan::List(list) = &*published.plan else {
        panic!("{:?}", published.plan)
    };
    assert_eq!(list.slots(), [lookaside_core::Slot::Drop(0)]);
    assert_eq!(&*list.drops().as_slice()[0].category, "no-backends");
    fixture.after(QUIET).set("orders", Some(service(&[1])));
    assert_eq!(fixture.slots("orders"), 1);
}

#[test]
fn a_service_with_settings_alone_is_known() {
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    fixture.set_settings("orders", Some(Settings::default()));
    assert_eq!(fixture.version("orders"), 1);
}

#[test]
fn a_service_that_left_is_known_for_ten_minutes_after_its_last_stream() {
    let minute = Duration::from_secs(60);
    let mut fixture = Fixture::new(OnEmpty::Fallback);
    fixture.set("orders", Some(service(&[1])));
    let stream = fixture.table.open(&[name("orders")]).unwrap();
    fixture.set("orders", None);
    let known = |fixture: &mut Fixture, minutes: u32| {
        fixture.after(minutes * minute);
        fixture.services.forget_absent(fixture.now().timer);
        fixture.published("orders").is_some()
    };
    assert!(known(&mut fixture, 20));
    drop(stream);
    assert!(known(&mut fixture, 9));
    assert!(!known(&mut fixture, 1));
    assert!(fixture.services.planned.is_empty());
    fixture.set("orders", Some(service(&[1])));
    assert_eq!(fixture.slots("orders"), 1);
    assert!(known(&mut fixture, 100), "it is registered");
}
