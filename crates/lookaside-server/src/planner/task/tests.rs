use lookaside_core::{
    Backend, BackendId, BackendState, Drop, Drops, Host, HostPort, Limits, PolicyDefaults, Service,
    ServiceName, ServiceSettings, Settings, SettingsSnapshot, Snapshot, TokenIssuer,
};
use lookaside_registry::names::{Answer, Lookup, LookupError, NameResolver};
use tokio::time::sleep;

use super::*;
use crate::encode::slot_bytes;

fn state(orders_dropped: u32) -> Arc<RegistryState> {
    let drop = Drop {
        category: "overload".into(),
        per_million: orders_dropped,
    };
    let mut settings = Settings::default();
    settings.drops = Drops::new([drop]).unwrap();
    let settings = ServiceSettings {
        settings,
        problem: None,
    };
    let mut snapshot = SettingsSnapshot::default();
    let orders = ServiceName::new("orders").unwrap();
    snapshot.services.insert(orders, Arc::new(settings));
    Arc::new(RegistryState {
        backends: Some(Arc::default()),
        settings: Some(Arc::new(snapshot)),
        overrides: Some(Arc::default()),
        freshness: Freshness::Synced {
            as_of: Instant::now(),
        },
        heard_at: None,
    })
}

/// A planner of these states; says what it waits for.
fn start(
    states: watch::Receiver<Arc<RegistryState>>,
    names: watch::Receiver<Arc<Names>>,
    table: &Arc<Table>,
) -> watch::Receiver<Result<(), Arc<str>>> {
    let config = PlanConfig {
        issuer: TokenIssuer::default(),
        limits: Limits::new(slot_bytes),
        defaults: PolicyDefaults::default(),
        panic: 0.5,
        push: Arc::default(),
        registry: crate::metrics::RegistryMetrics::default(),
    };
    let sources = Sources {
        registry: states,
        names,
        tokens: watch::channel(TokenIssuer::default()).1,
        verdicts: watch::channel(Arc::default()).1,
    };
    let (planned, seen) = watch::channel(Err("starting".into()));
    tokio::spawn(run(
        sources,
        Arc::clone(table),
        config,
        Lists::default(),
        planned,
        watch::Sender::default(),
        RemovalConfig {
            probes: Probes::default(),
            metrics: RemovalMetrics::new(&mut prometheus_client::registry::Registry::default()),
            last_known: None,
            judged: None,
        },
    ));
    seen
}

#[tokio::test(start_paused = true)]
async fn what_waits_when_the_registry_ends_goes_out_and_stands() {
    let table = Arc::new(Table::new());
    let (registry, states) = watch::channel(state(1));
    start(states, watch::channel(Arc::default()).1, &table);
    tokio::task::yield_now().await;
    registry.send_replace(state(2));
    tokio::task::yield_now().await;
    let dropped = || {
        let orders = table.find(&[ServiceName::new("orders").unwrap()]);
        let published = orders.unwrap().published().unwrap();
        published.settings.settings.drops.as_slice()[0].per_million
    };
    assert_eq!(dropped(), 1, "the second change is merged with others");
    drop(registry);
    sleep(Lists::default().max_delay).await;
    assert_eq!(dropped(), 2);
}

/// Finds any name after half a second.
#[derive(Debug)]
struct Slow;

#[async_trait::async_trait]
impl Lookup for Slow {
    async fn lookup(&self, _: &str) -> Result<Answer, LookupError> {
        sleep(Duration::from_millis(500)).await;
        Ok(Answer {
            addresses: vec![[10, 0, 0, 9].into()],
            ttl: Duration::from_secs(60),
            incomplete: None,
        })
    }
}

/// A backend of `named`, by host name.
fn named() -> Snapshot {
    let backend = Backend {
        id: BackendId::new("a").unwrap(),
        address: HostPort::new(Host::Name("a.example".into()), 1),
        weight: 1,
        zone: None,
        state: BackendState::Serving,
        key: "k".into(),
        revision: 1,
    };
    let service = Service {
        backends: vec![Arc::new(backend)],
        problems: Vec::new(),
    };
    let mut snapshot = Snapshot::default();
    let name = ServiceName::new("named").unwrap();
    snapshot.services.insert(name, Arc::new(service));
    snapshot
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_changes_does_not_keep_the_port_closed() {
    let table = Arc::new(Table::new());
    let (registry, states) = watch::channel(state(1));
    registry.send_modify(|state| {
        Arc::make_mut(state).backends = Some(Arc::new(named()));
    });
    let rng = fastrand::Rng::with_seed(1);
    let resolver = NameResolver::spawn(Arc::new(Slow), states.clone(), rng);
    let mut planned = start(states, resolver.subscribe(), &table);
    let began = Instant::now();
    // Each of them changes again before its last change has gone out.
    let storm = async {
        for dropped in 2.. {
            sleep(Duration::from_millis(7)).await;
            let name = ServiceName::new(&format!("s{}", dropped % 8)).unwrap();
            let orders = state(dropped);
            let changed = orders.settings.as_ref().unwrap().services.values().next();
            registry.send_modify(|state| {
                let state = Arc::make_mut(state);
                let mut settings = (**state.settings.as_ref().unwrap()).clone();
                settings.services.insert(name, Arc::clone(changed.unwrap()));
                state.settings = Some(Arc::new(settings));
            });
        }
    };
    tokio::select! {
        () = storm => {}
        ready = planned.wait_for(Result::is_ok) => assert!(ready.is_ok()),
    }
    let waited = began.elapsed();
    assert!(
        waited >= Duration::from_millis(500),
        "for the name: {waited:?}"
    );
    assert!(waited < Duration::from_secs(2), "{waited:?}");
}
