use lookaside_core::{
    Drop, Drops, Limits, PolicyDefaults, ServiceName, ServiceSettings, Settings, SettingsSnapshot,
    TokenIssuer,
};
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
    })
}

#[tokio::test(start_paused = true)]
async fn what_waits_when_the_registry_ends_goes_out_and_stands() {
    let table = Arc::new(Table::new());
    let config = PlanConfig {
        issuer: TokenIssuer::default(),
        limits: Limits::new(slot_bytes),
        defaults: PolicyDefaults::default(),
        panic: 0.5,
    };
    let lists = Lists::default();
    let (registry, states) = watch::channel(state(1));
    let names = watch::channel(Arc::default()).1;
    let planned = watch::Sender::new(Err("starting".into()));
    let sources = Sources {
        registry: states,
        names,
        tokens: watch::channel(TokenIssuer::default()).1,
        verdicts: watch::channel(Arc::default()).1,
    };
    tokio::spawn(run(
        sources,
        Arc::clone(&table),
        config,
        lists.clone(),
        planned,
        watch::Sender::default(),
        RemovalConfig {
            probes: Probes::default(),
            metrics: RemovalMetrics::new(&mut prometheus_client::registry::Registry::default()),
            last_known: None,
        },
    ));
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
    sleep(lists.max_delay).await;
    assert_eq!(dropped(), 2);
}
