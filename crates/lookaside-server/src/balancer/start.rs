use std::{io, net::SocketAddr, sync::Arc};

use lookaside_core::Limits as PlanLimits;
use lookaside_registry::{Registry, names::Names};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Balancer, Running, Tasks, ports, stuck::end_stuck_streams};
use crate::{
    Config, Connections, Readiness,
    balance_load::{Admission, BalanceLoad},
    drain::Drain,
    encode::slot_bytes,
    grpc::{GrpcError, services},
    health,
    http::Patience,
    listener::{BoundPort, Http},
    metrics::Metrics,
    peers::Peers,
    planner::{self, PlanConfig, RemovalConfig, Sources},
    reload::Reloads,
    seldom::Seldom,
    status::Status,
    table::Table,
    tls::{ClientCertificates, Reloader, TlsFileError},
};

/// Why a balancer does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// TLS cannot be had as it is set up.
    #[error(transparent)]
    Tls(#[from] TlsFileError),
    /// Rules ask for certificates that nobody will show.
    #[error("access rules with an identity need client certificates: set tls.client_ca")]
    NoCertificates,
    /// Registration is asked for, and the registry is read only.
    #[error("backends cannot register through this balancer: {url} is read only")]
    ReadOnly {
        /// The registry.
        url: String,
    },
    /// The descriptors of the services are damaged.
    #[error("server reflection: {0}")]
    Reflection(String),
}

impl From<GrpcError> for StartError {
    fn from(error: GrpcError) -> Self {
        match error {
            GrpcError::ReadOnly { url } => Self::ReadOnly { url },
            GrpcError::Reflection(error) => Self::Reflection(error),
        }
    }
}

impl Balancer {
    /// Starts a balancer: takes both ports, opens the admin port, and opens the client
    /// port when backends, settings and overrides have been read completely once and all host names
    /// among the backends have been tried once ([`Balancer::ready`] waits for that).
    ///
    /// `names` are what the registry's host names resolve to. Must be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// When a port cannot be had, or the configuration contradicts the registry.
    pub fn start(
        config: Config,
        registry: Arc<dyn Registry>,
        names: watch::Receiver<Arc<Names>>,
    ) -> Result<Self, StartError> {
        let reloader = config.tls.clone().map(Reloader::new).transpose()?;
        check_access(&config)?;
        let client_port = bind(config.listen, &config.connections)?;
        let admin_port = bind(config.admin, &config.connections)?;
        let (client_addr, admin_addr) = (client_port.addr(), admin_port.addr());

        let table = Arc::new(Table::new());
        let drain = Arc::new(Drain::default());
        let mut metrics = Metrics::new();
        metrics.of_services(Arc::clone(&table));
        if let Some(reloader) = &reloader {
            metrics.of_certificate(reloader.ends_at());
        }
        let metrics = Arc::new(metrics);
        let limits = config.limits.clone();
        let admission = Arc::new(Admission::new(limits.clone(), config.timeouts.admission));
        let not_ready = Readiness::NotReady("starting".into());
        let (readiness, readiness_seen) = watch::channel(not_ready);
        let status = Arc::new(Status::new(
            Arc::clone(&registry),
            Arc::clone(&table),
            Arc::clone(&admission),
            Arc::clone(&metrics),
            readiness_seen.clone(),
            config.about.clone(),
        ));
        let failures = readiness.clone();
        let mut tasks = Tasks::default();
        tasks.spawn("admission", Arc::clone(&admission).run());
        let (asks, asked) = mpsc::channel(1);
        let certificates = reloader.is_some().then_some(asks);
        let reloads = Arc::new(Reloads::new(certificates, config.reload.clone()));
        let registrar = config.registration.then(|| registry.registrar());
        let services = services(
            Arc::clone(&status),
            config.tokens.clone(),
            registrar,
            config.registration_limits.clone(),
            Arc::clone(&reloads),
            &mut tasks,
        )?;

        let http = Http::new(
            &limits,
            &config.connections,
            config.timeouts.write,
            Arc::clone(&metrics),
        );
        let patience = Patience::new(config.timeouts.write, config.connections.write_rate);
        let patience = Arc::new(patience);
        let balance_load = BalanceLoad::new(
            Arc::clone(&table),
            admission,
            Arc::clone(&drain),
            Arc::clone(&patience),
            Arc::clone(&metrics),
            &config.lists,
            &config.timeouts,
        );
        let (client_tls, admin_tls) = reloader.as_ref().map(Reloader::acceptors).unzip();
        if let Some(reloader) = reloader {
            tasks.spawn("certificates", reloader.run(asked));
        }
        tasks.spawn(
            "slow clients",
            end_stuck_streams(Arc::clone(&table), patience, Arc::clone(&metrics)),
        );
        let running = Arc::new(Running {
            balance_load: Arc::new(balance_load),
            routes: Arc::new(services.client),
            http,
            admin_routes: Arc::new(services.admin),
            table: Arc::clone(&table),
            drain,
            metrics: Arc::clone(&metrics),
            max_connections: limits.connections,
            connections_of_peers: Peers::new(limits.connections_per_peer),
            readiness,
            access: Arc::new(config.access.clone()),
            client_tls,
            admin_tls,
            seldom: Seldom::default(),
            close_port: CancellationToken::new(),
            port: TaskTracker::new(),
            connections: TaskTracker::new(),
            stop: Arc::default(),
            admin_connections: TaskTracker::new(),
            stop_admin: Arc::default(),
        });

        let plan = PlanConfig {
            issuer: config.tokens.borrow().clone(),
            limits: PlanLimits::new(slot_bytes),
            defaults: config.lists.policy(),
            panic: config.lists.panic,
            push: Arc::clone(&metrics.push),
            registry: metrics.follow.clone(),
        };
        let removal = RemovalConfig {
            probes: config.probes.clone(),
            metrics: metrics.removals.clone(),
            last_known: registry.last_known(),
            judged: registry.judged(),
        };
        let (planned, planned_seen) = watch::channel(Err("starting".into()));
        let (checks, checks_seen) = watch::channel(Arc::default());
        let (verdicts, verdicts_seen) = watch::channel(Arc::default());
        tasks.spawn(
            "health",
            health::run(
                config.probes.clone(),
                checks_seen,
                verdicts,
                metrics.health.clone(),
                fastrand::Rng::new(),
            ),
        );
        let sources = Sources {
            registry: registry.subscribe(),
            names,
            tokens: config.tokens.clone(),
            verdicts: verdicts_seen,
        };
        tasks.spawn(
            "planner",
            planner::run(
                sources,
                table,
                plan,
                config.lists.clone(),
                planned,
                checks,
                removal,
            ),
        );
        let admin = admin_port.open().map_err(|source| StartError::Listen {
            addr: admin_addr,
            source,
        })?;
        tasks.spawn(
            "admin port",
            ports::admin(admin, status, Arc::clone(&running)),
        );
        let closed = running.close_port.clone().cancelled_owned();
        let client = ports::client(client_port, planned_seen, Arc::clone(&running));
        let until_closed = running.port.track_future(async move {
            tokio::select! {
                () = client => {}
                () = closed => {}
            }
        });
        tasks.spawn("client port", until_closed);

        let mut supervisor = JoinSet::new();
        supervisor.spawn(tasks.supervise(failures));

        Ok(Self {
            client_addr,
            admin_addr,
            readiness: readiness_seen,
            running,
            timeouts: config.timeouts,
            shutting_down: false.into(),
            reloads,
            _supervisor: supervisor,
        })
    }
}

fn bind(addr: SocketAddr, connections: &Connections) -> Result<BoundPort, StartError> {
    BoundPort::bind(addr, connections).map_err(|source| StartError::Listen { addr, source })
}

/// Refuses rules that can never hold, and warns of doors that stand open.
pub(super) fn check_access(config: &Config) -> Result<(), StartError> {
    let mutual = config.tls.as_ref().filter(|tls| tls.client_ca.is_some());
    if mutual.is_none() && config.access.needs_certificates() {
        return Err(StartError::NoCertificates);
    }
    // A client CA has vouched for whoever can connect.
    let vouched = mutual.is_some_and(|tls| tls.client_certificates == ClientCertificates::Require);
    if config.access.has_rules() || vouched {
        return Ok(());
    }
    for (port, addr) in [("client", config.listen), ("admin", config.admin)] {
        if !addr.ip().to_canonical().is_loopback() {
            tracing::warn!(
                address = %addr,
                port,
                registration = config.registration,
                "OPEN TO EVERYBODY: whoever reaches this port may ask for every service, inspect \
                 it, and register backends if that is enabled: there are no access rules \
                 (docs/security.md)"
            );
        }
    }
    Ok(())
}
