//! A balancer in this thread, on a clock that leaps when there is nothing else to do.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use lookaside_core::{Backend, BackendState, Service, Snapshot};
use lookaside_registry::{
    Freshness, Registrar, Registry, RegistryState, apply_settings, names::Names, parse_settings,
};
use lookaside_server::{Balancer, Config, Limits};
use tokio::{
    io::DuplexStream,
    runtime::{self, Runtime},
    sync::watch,
    time::{Instant, timeout},
};

/// The service that is registered.
pub(super) const SERVICE: &str = "orders";

/// On the clock that leaps: longer than any patience of the balancer.
const PATIENCE: Duration = Duration::from_secs(300);

/// As much as the kernel takes for a socket, roughly.
const PIPE: usize = 64 * 1024;

struct Served {
    runtime: Runtime,
    balancer: Balancer,
    _names: watch::Sender<Arc<Names>>,
}

thread_local! {
    static SERVED: Served = Served::start();
}

/// Runs `client` at the other end of a connection to the balancer; fails if the
/// connection does not end with it.
pub(super) fn serve<F: Future<Output = ()>>(client: impl FnOnce(DuplexStream) -> F) {
    SERVED.with(|served| {
        served.runtime.block_on(async {
            let (ours, theirs) = tokio::io::duplex(PIPE);
            let both = async {
                tokio::join!(served.balancer.serve_connection(theirs, None), client(ours))
            };
            let ended = timeout(PATIENCE, both).await;
            assert!(ended.is_ok(), "the connection does not end");
        });
    });
}

impl Served {
    fn start() -> Self {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let config = Config {
            listen: any,
            admin: any,
            limits: Limits {
                new_streams_per_second: 0,
                ..Limits::default()
            },
            ..Config::default()
        };
        let (names, names_seen) = watch::channel(Arc::default());
        let balancer = runtime.block_on(async {
            let registry = Arc::new(Fixed::new());
            let balancer = Balancer::start(config, registry, names_seen).expect("a balancer");
            balancer.ready().await;
            balancer
        });
        Self {
            runtime,
            balancer,
            _names: names,
        }
    }
}

/// Three backends and a drop, for ever.
#[derive(Debug)]
struct Fixed(watch::Sender<Arc<RegistryState>>);

impl Fixed {
    fn new() -> Self {
        let service = SERVICE.parse().expect("a name");
        let backend = |n: u32| {
            Arc::new(Backend {
                id: format!("b{n}").parse().expect("an id"),
                address: format!("10.0.0.1:{n}").parse().expect("an address"),
                weight: n,
                zone: None,
                state: BackendState::Serving,
                key: format!("{SERVICE}/b{n}").into(),
                revision: 1,
            })
        };
        let mut backends = Snapshot::default();
        let backend = Service {
            backends: (1..=3).map(backend).collect(),
            problems: Vec::new(),
        };
        backends.services.insert(service, Arc::new(backend));
        let drops = br#"{"drops":[{"category":"overload","per_million":250000}]}"#;
        let drops = apply_settings(None, SERVICE, 1, parse_settings(drops));
        let mut settings = lookaside_core::SettingsSnapshot::default();
        let service = SERVICE.parse().expect("a name");
        settings.services.insert(service, Arc::new(drops));
        Self(watch::Sender::new(Arc::new(RegistryState {
            backends: Some(Arc::new(backends)),
            settings: Some(Arc::new(settings)),
            overrides: Some(Arc::default()),
            freshness: Freshness::Synced {
                as_of: Instant::now(),
            },
            heard_at: None,
        })))
    }
}

impl Registry for Fixed {
    fn url(&self) -> &str {
        "fixed:"
    }

    fn subscribe(&self) -> watch::Receiver<Arc<RegistryState>> {
        self.0.subscribe()
    }

    fn registrar(&self) -> Option<Arc<dyn Registrar>> {
        None
    }
}
