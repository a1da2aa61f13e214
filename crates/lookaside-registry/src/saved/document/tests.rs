use std::{
    net::SocketAddr,
    time::{Duration, UNIX_EPOCH},
};

use lookaside_core::{
    Backend, BackendState, Drop, Drops, OnEmpty, Override, OverrideNote, Place, Service,
    ServiceName, ServiceOverrides, ServiceSettings, Settings,
};
use proptest::{collection::btree_map, option, prelude::*};

use super::*;
use crate::{Handle, MAX_TTL, MIN_TTL, Registration};

fn name() -> impl Strategy<Value = String> {
    "[a-zé\"\\\\{}=.:_-]{1,12}"
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|ip| format!("{}:50051", std::net::Ipv4Addr::from(ip))),
        any::<[u8; 16]>().prop_map(|ip| format!("[{}]:1", std::net::Ipv6Addr::from(ip))),
        "[a-z][a-z0-9]{0,9}(\\.[a-z]{2,3})?:65535",
    ]
    .prop_filter("dialable", |it| {
        it.parse::<lookaside_core::HostPort>()
            .is_ok_and(|it| it.dialable().is_ok())
    })
}

fn state() -> impl Strategy<Value = BackendState> {
    prop_oneof![Just(BackendState::Serving), Just(BackendState::Draining)]
}

fn a_problem() -> impl Strategy<Value = Problem> {
    (any::<String>(), any::<String>(), any::<i64>()).prop_map(|(key, reason, revision)| Problem {
        key: key.into(),
        reason: reason.into(),
        revision,
    })
}

fn some_problems() -> impl Strategy<Value = Vec<Problem>> {
    prop::collection::vec(a_problem(), 0..3)
}

fn service() -> impl Strategy<Value = Service> {
    let backend = (
        address(),
        any::<u32>(),
        option::of("[^\\x00-\\x1f\\x7f-\\x9f]{1,9}"),
        state(),
        any::<String>(),
        any::<i64>(),
    );
    (btree_map(name(), backend, 0..5), some_problems()).prop_map(|(backends, problems)| {
        let backend = |(id, (address, weight, zone, state, key, revision)): (String, _)| {
            let address: String = address;
            let zone: Option<String> = zone;
            let key: String = key;
            Arc::new(Backend {
                id: id.parse().unwrap(),
                address: address.parse().unwrap(),
                weight,
                zone: zone.map(Arc::from),
                state,
                key: key.into(),
                revision,
            })
        };
        Service {
            backends: backends.into_iter().map(backend).collect(),
            problems,
        }
    })
}

fn service_name() -> impl Strategy<Value = ServiceName> {
    (name(), option::of(name())).prop_map(|(name, more)| {
        let name = more.map_or_else(|| name.clone(), |more| format!("{name}/{more}"));
        name.parse().unwrap()
    })
}

fn snapshot() -> impl Strategy<Value = Arc<Snapshot>> {
    let services = btree_map(service_name(), service().prop_map(Arc::new), 0..4);
    (any::<i64>(), services, some_problems()).prop_map(|(revision, services, problems)| {
        Arc::new(Snapshot {
            revision,
            services,
            problems: problems.into(),
        })
    })
}

fn settings() -> impl Strategy<Value = Settings> {
    let drops = btree_map("[!-~]{1,40}", 1u32..250_000, 0..4);
    let hold_down = option::of((0..100_000u64).prop_map(Duration::from_millis));
    (drops, any::<bool>(), hold_down).prop_map(|(drops, fallback, hold_down)| {
        let drop = |(category, per_million): (String, u32)| Drop {
            category: category.into(),
            per_million,
        };
        let mut settings = Settings::default();
        settings.drops = Drops::new(drops.into_iter().map(drop)).unwrap();
        settings.fallback = fallback;
        settings.hold_down = hold_down;
        settings.on_empty = fallback.then_some(OnEmpty::Hold);
        settings
    })
}

fn settings_snapshot() -> impl Strategy<Value = Arc<SettingsSnapshot>> {
    let service = (settings(), option::of(a_problem()))
        .prop_map(|(settings, problem)| Arc::new(ServiceSettings { settings, problem }));
    let services = btree_map(service_name(), service, 0..4);
    (any::<i64>(), services, some_problems()).prop_map(|(revision, services, problems)| {
        Arc::new(SettingsSnapshot {
            revision,
            services,
            problems: problems.into(),
        })
    })
}

fn held() -> impl Strategy<Value = Held> {
    (
        (service_name(), name(), address()),
        any::<u32>(),
        option::of("[a-z/]{1,9}"),
        state(),
        prop::collection::vec(any::<u8>(), 1..40),
        (MIN_TTL.as_millis()..=MAX_TTL.as_millis())
            .prop_map(|ms| Duration::from_millis(ms.try_into().unwrap())),
    )
        .prop_map(
            |((service, id, address), weight, zone, state, handle, ttl)| Held {
                registration: Registration {
                    service,
                    id: id.parse().unwrap(),
                    address: address.parse().unwrap(),
                    weight,
                    zone: zone.map(Arc::from),
                    state,
                },
                handle: Handle::new(&handle).unwrap(),
                ttl,
            },
        )
}

fn overrides() -> impl Strategy<Value = ServiceOverrides> {
    let value = prop_oneof![
        (name(), any::<u32>()).prop_map(|(id, n)| Override::Weight(id.parse().unwrap(), n)),
        name().prop_map(|id| Override::Drain(id.parse().unwrap())),
        Just(Override::Drain("drops".parse().unwrap())),
        any::<bool>().prop_map(Override::Fallback),
        settings().prop_map(|settings| Override::Drops(settings.drops)),
    ];
    let time = || option::of((0..10_000_000_000u64).prop_map(Duration::from_secs));
    let note = (
        option::of("[^\\p{Cc}]{1,20}"),
        time(),
        time(),
        any::<String>(),
        any::<i64>(),
    );
    let note = note.prop_map(|(by, at, expires, key, revision)| OverrideNote {
        by: by.map(Arc::from),
        reason: None,
        at: at.map(|at| UNIX_EPOCH + at),
        expires: expires.map(|at| UNIX_EPOCH + at),
        key: key.into(),
        revision,
    });
    let overrides = prop::collection::vec((value, note), 0..5);
    (overrides, some_problems())
        .prop_map(|(overrides, problems)| ServiceOverrides::new(overrides, problems))
}

/// Of all services.
fn cordons() -> impl Strategy<Value = ServiceOverrides> {
    let place = prop_oneof![
        name().prop_map(|zone| Place::zone(&zone).unwrap()),
        Just(Place::zone("a/b %c").unwrap()),
        any::<std::net::IpAddr>().prop_map(|ip| Place::host(&ip.to_string()).unwrap()),
        Just(Place::host("fallback").unwrap()),
    ];
    prop::collection::vec(place, 0..3).prop_map(|places| {
        let orders = places.into_iter().map(Override::Cordon);
        let noted = orders.map(|it| (it, OverrideNote::default()));
        ServiceOverrides::new(noted, Vec::new())
    })
}

fn overrides_snapshot() -> impl Strategy<Value = Arc<OverridesSnapshot>> {
    let services = btree_map(service_name(), overrides().prop_map(Arc::new), 0..4);
    let all = (any::<i64>(), services, some_problems(), cordons());
    all.prop_map(|(revision, mut services, problems, cordons)| {
        if !cordons.is_empty() {
            services.insert(ServiceName::all(), Arc::new(cordons));
        }
        Arc::new(OverridesSnapshot {
            revision,
            services,
            problems: problems.into(),
        })
    })
}

fn suspects() -> impl Strategy<Value = BTreeMap<ServiceName, Vec<LastSuspect>>> {
    let at = (
        any::<([u8; 16], u16)>().prop_map(SocketAddr::from),
        0..253_402_300_799_999u64,
        prop_oneof![Just(0), 0..u64::MAX],
    );
    let suspects = (service(), at).prop_map(|(service, (address, ms, stood_ns))| {
        let suspect = |backend| LastSuspect {
            backend,
            addresses: vec![address],
            since: UNIX_EPOCH + Duration::from_millis(ms),
            stood: Duration::from_nanos(stood_ns),
        };
        service.backends.into_iter().map(suspect).collect()
    });
    btree_map(service_name(), suspects, 0..3)
}

fn contents() -> impl Strategy<Value = Contents> {
    let backends = prop_oneof![
        snapshot().prop_map(SavedBackends::Followed),
        prop::collection::vec(held(), 0..4).prop_map(SavedBackends::Held),
    ];
    let parts = (
        backends,
        settings_snapshot(),
        overrides_snapshot(),
        suspects(),
    );
    parts.prop_map(|(backends, settings, overrides, suspects)| Contents {
        backends,
        settings,
        overrides,
        suspects,
    })
}

fn saved() -> impl Strategy<Value = SavedState> {
    (any::<String>(), 0..253_402_300_799_999u64, contents()).prop_map(|(url, ms, contents)| {
        SavedState {
            origin: Origin::new(url).with("prefix", "services/"),
            as_of: UNIX_EPOCH + Duration::from_millis(ms),
            contents,
        }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(state in saved()) {
        let file = encode(&state).unwrap();
        prop_assert_eq!(decode(&file).unwrap(), state);
    }

    #[test]
    fn a_state_with_any_changed_byte_is_refused(
        state in saved(),
        at: prop::sample::Index,
        flip in 1u8..,
    ) {
        let mut file = encode(&state).unwrap();
        let at = at.index(file.len());
        file[at] ^= flip;
        prop_assert!(decode(&file).is_err());
    }

    #[test]
    fn any_body_is_read_or_refused(body: Vec<u8>) {
        let _ = decode(&seal(&body));
    }
}

fn nothing(backends: SavedBackends) -> Contents {
    Contents {
        backends,
        settings: Arc::default(),
        overrides: Arc::default(),
        suspects: BTreeMap::new(),
    }
}

#[test]
fn every_single_byte_and_every_truncation_counts() {
    let state = SavedState {
        origin: Origin::new("etcd://10.0.0.1:2379"),
        as_of: UNIX_EPOCH,
        contents: nothing(SavedBackends::Followed(Arc::default())),
    };
    let file = encode(&state).unwrap();
    assert_eq!(decode(&file).unwrap(), state);
    for at in 0..file.len() {
        assert!(decode(&file[..at]).is_err(), "cut at {at}");
        for bit in 0..8 {
            let mut damaged = file.clone();
            damaged[at] ^= 1 << bit;
            assert!(decode(&damaged).is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_clock_before_or_after_this_era_is_no_reason_not_to_save() {
    let at = |as_of| {
        let state = SavedState {
            origin: Origin::new("memory:"),
            as_of,
            contents: nothing(SavedBackends::Held(Vec::new())),
        };
        decode(&encode(&state).unwrap()).unwrap().as_of
    };
    assert_eq!(at(UNIX_EPOCH - Duration::from_secs(5)), UNIX_EPOCH);
    assert!(at(UNIX_EPOCH + Duration::from_secs(1 << 40)) > UNIX_EPOCH);
}

fn refusal(body: &str) -> String {
    decode(&seal(body.as_bytes())).unwrap_err().to_string()
}

#[test]
fn what_this_version_would_not_write_is_refused_with_a_reason() {
    let registry = r#""registry":{"url":"memory:"},"as_of":"2026-01-01T00:00:00Z""#;
    let settings =
        r#""settings":{"revision":1,"services":{}},"overrides":{"revision":1,"services":{}}"#;
    let backends = |services: &str| {
        format!(
            r#"{{{registry},{settings},"backends":{{"revision":1,"services":{{{services}}}}}}}"#
        )
    };
    assert!(decode(&seal(backends("").as_bytes())).is_ok());

    let error = refusal(&format!("{{{registry},{settings}}}"));
    assert!(error.contains("backends or registrations"), "{error}");
    let error = refusal(&backends("").replace("\"settings\"", "\"later\""));
    assert!(error.contains("later"), "{error}");
    let order = r#""orders":{"overrides":[{"target":"other/drops","value":{"value":[]},"key":"","revision":1}]}"#;
    let overrides = backends("").replace(
        r#""overrides":{"revision":1,"services":{}"#,
        &format!(r#""overrides":{{"revision":1,"services":{{{order}}}"#),
    );
    let error = refusal(&overrides);
    assert!(
        error.contains("other/drops") && error.contains("orders"),
        "{error}"
    );
    assert!(decode(&seal(overrides.replace("other/", "orders/").as_bytes())).is_ok());
    let error = refusal(&backends("").replace("2026-01", "2026-13"));
    assert!(error.contains("2026-13"), "{error}");
    let error = refusal(&backends(r#""a b":{"backends":[]}"#));
    assert!(error.contains("a b"), "{error}");

    let backend = |id: &str, port: u16| {
        format!(
            r#"{{"id":"{id}","address":"10.0.0.1:{port}","weight":1,"state":"serving","key":"k","revision":1}}"#
        )
    };
    let service = |list: &[String]| format!(r#""orders":{{"backends":[{}]}}"#, list.join(","));
    let (a, b) = (backend("a", 1), backend("b", 2));
    assert!(
        decode(&seal(
            backends(&service(&[a.clone(), b.clone()])).as_bytes()
        ))
        .is_ok()
    );
    for wrong in [[b, a.clone()], [a.clone(), a]] {
        let error = refusal(&backends(&service(&wrong)));
        assert!(
            error.contains("orders") && error.contains("sorted"),
            "{error}"
        );
    }
    let suspects = |list: &[&str]| {
        let suspect = |id: &&str| {
            let backend = backend(id, 1);
            format!(r#"{{"backend":{backend},"addresses":[],"since":"2026-01-01T00:00:00Z"}}"#)
        };
        let list: Vec<_> = list.iter().map(suspect).collect();
        let suspects = format!(r#""suspects":{{"orders":[{}]}},{settings}"#, list.join(","));
        backends("").replace(settings, &suspects)
    };
    assert!(decode(&seal(suspects(&["a", "b"]).as_bytes())).is_ok());
    for wrong in [["b", "a"], ["a", "a"]] {
        let error = refusal(&suspects(&wrong));
        assert!(
            error.contains("suspects of service orders") && error.contains("sorted"),
            "{error}"
        );
    }
    let error = refusal(&suspects(&["a"]).replace("2026-01-01T00:00:00Z\"}]", "?\"}]"));
    assert!(error.contains("since"), "{error}");
    let stood = "2026-01-01T00:00:00Z\",\"stood\":\"long\"}]";
    let error = refusal(&suspects(&["a"]).replace("2026-01-01T00:00:00Z\"}]", stood));
    assert!(error.contains("stood \"long\""), "{error}");
    let error = refusal(&backends(&service(&[backend("a", 0)])));
    assert!(error.contains("cannot be dialled"), "{error}");
}

#[test]
fn what_is_longer_as_it_is_written_than_what_may_be_set_is_read_again() {
    let drops = (0..2000).map(|n| Drop {
        category: format!("a-category-of-some-length-{n:05}").into(),
        per_million: 1,
    });
    let drops = Drops::new(drops).unwrap();
    let mut settings = Settings::default();
    settings.drops = drops.clone();
    assert!(crate::settings_json(&settings).len() > crate::MAX_SETTINGS_BYTES);
    let orders: ServiceName = "orders".parse().unwrap();
    let service = ServiceSettings {
        settings,
        problem: None,
    };
    let ordered = [(Override::Drops(drops), OverrideNote::default())];
    let overrides = ServiceOverrides::new(ordered, Vec::new());
    let state = SavedState {
        origin: Origin::new("memory:"),
        as_of: UNIX_EPOCH,
        contents: Contents {
            backends: SavedBackends::Held(Vec::new()),
            settings: Arc::new(SettingsSnapshot {
                services: [(orders.clone(), Arc::new(service))].into(),
                ..SettingsSnapshot::default()
            }),
            overrides: Arc::new(OverridesSnapshot {
                services: [(orders, Arc::new(overrides))].into(),
                ..OverridesSnapshot::default()
            }),
            suspects: BTreeMap::new(),
        },
    };
    assert_eq!(decode(&encode(&state).unwrap()).unwrap(), state);
}
