mod check;

use std::{
    convert::Infallible, io::Write, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration,
};

use anyhow::{Context, anyhow};
use clap::Args;
use lookaside_core::HostPort;
use lookaside_server::{About, Balancer, ReloadOutcome, Reloaded};

use super::Failure;
use crate::{
    build_info::build,
    config::{Overrides, RegistryUrl, load},
    notify::Notifier,
    open_files, registry,
    reload::ServedFiles,
    signals::{Hangups, Signals},
    tokens::Tokens,
};

/// Runs a balancer.
///
/// Prints `listening ADDR admin ADDR` once clients can connect, which is when the
/// registry has been read completely once; until then the admin port says what is
/// missing. On SIGINT or SIGTERM it closes the client port, goes on pushing, and hands
/// its clients to the other replicas over some seconds; a second signal ends it at once.
/// On SIGHUP it reads certificates and token keys again, which it also does every few
/// seconds, and says what came of it, as `lookaside reload` does.
/// Under systemd it says when it is ready, what it waits for, and that it is alive
/// (`Type=notify`, `WatchdogSec=`).
///
/// Every key of the configuration file has an environment variable:
/// LOOKASIDE_LISTS_MAX_SLOTS is `max_slots` of `lists`. A flag wins over the environment,
/// that over the file.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside serve                                              backends register through it
  lookaside serve --registry etcd://10.0.0.1:2379,10.0.0.2:2379 --listen 0.0.0.0:7400
  lookaside serve --config /etc/lookaside/lookaside.toml
  lookaside serve --config /etc/lookaside/lookaside.toml --check

Exit codes: 0 it ran; 1 something failed while it ran; 2 wrong usage or configuration.")]
pub(super) struct Serve {
    /// The configuration, a TOML file
    #[arg(long, value_name = "FILE", env = "LOOKASIDE_CONFIG")]
    config: Option<PathBuf>,

    /// Where clients connect; port 0: the system's choice [default: 127.0.0.1:7400]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<HostPort>,

    /// Where operators connect: inspection, control, metrics [default: 127.0.0.1:7401]
    #[arg(long, value_name = "HOST:PORT")]
    admin: Option<HostPort>,

    /// Where backends are recorded: memory: (they register through this balancer),
    /// file:PATH, or etcd://HOST:PORT[,HOST:PORT...] [default: memory:]
    #[arg(long, value_name = "URL")]
    registry: Option<RegistryUrl>,

    /// Send the ways of changes to this OpenTelemetry collector, as traces (OTLP over gRPC):
    /// http://HOST:PORT
    #[cfg(feature = "otlp")]
    #[arg(
        long,
        value_name = "URL",
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        value_parser = crate::traces::endpoint
    )]
    otlp_endpoint: Option<String>,

    /// Only say whether a balancer would start with this: reads the configuration and every
    /// file that it names, opens no port, and ends
    #[arg(long)]
    check: bool,
}

impl Serve {
    /// The collector of its traces.
    #[cfg(feature = "otlp")]
    pub(super) fn otlp_endpoint(&self) -> Option<&str> {
        self.otlp_endpoint.as_deref()
    }

    pub(super) async fn run(self) -> Result<(), Failure> {
        let overrides = Overrides {
            listen: self.listen,
            admin: self.admin,
            registry: self.registry,
        };
        let variables: Vec<_> = std::env::vars_os().collect();
        let path = self.config.as_deref();
        let loaded = load(path, variables.clone(), overrides.clone()).map_err(Failure::usage)?;
        for variable in &loaded.unknown_variables {
            tracing::warn!(%variable, "environment variable is no setting of lookaside");
        }
        let config = loaded.config;
        let configuration = config.shown(&loaded.sources);
        if self.check {
            return Box::pin(check::check(config)).await;
        }
        let mut notifier = Notifier::from_env();
        notifier.feed_watchdog();
        let room = open_files::raise_limit(config.limits.streams);

        let mut signals = Signals::new()?;
        let mut hangups = Hangups::new()?;
        let listen = resolve(&config.listen).await?;
        let admin = resolve(&config.admin).await?;
        let tokens = Arc::new(Tokens::open(&config.tokens)?);
        let mut files = ServedFiles::new(Arc::clone(&tokens));
        if let Some(path) = path {
            files = files.with_config(path, variables, overrides, &config);
        }
        let opened = registry::open(&config).await?;
        let mut serving = lookaside_server::Config {
            tokens: tokens.issuer(),
            reload: Some(Arc::new(files)),
            about: About {
                build: build(),
                configuration,
            },
            ..config.balancer(listen, admin)
        };
        serving.limits.connections = open_files::within(serving.limits.connections, room);
        if opened
            .saved
            .as_ref()
            .is_some_and(|saved| saved.restored() > 0)
        {
            // The backends are all there: nobody has to be waited for.
            serving.lists.hold = Duration::ZERO;
        }
        let probes = config.health.probes();
        serving.probes = probes.map_err(|error| Failure::Usage(anyhow!("health: {error}")))?;
        let balancer = Balancer::start(serving, opened.registry, opened.names.subscribe())
            .context("cannot start the balancer")?;
        let admin = balancer.admin_addr();
        tracing::info!(%admin, registry = %config.registry, "reading the registry");
        let mut failed = None;
        let why = tokio::select! {
            name = serve(&balancer, &mut signals, &notifier) => name?,
            never = reload(&balancer, &mut hangups, &notifier) => match never {},
            // Whoever supervises the process starts it anew; until then other replicas
            // have the clients.
            reason = balancer.failed() => &**failed.insert(reason),
        };
        tracing::info!(
            reason = why,
            "handing the clients over; a second signal ends it at once"
        );
        notifier.stopping("handing the clients over");
        let ending = async {
            balancer.shutdown().await;
            if let Some(saved) = &opened.saved {
                saved.flush().await;
            }
        };
        signals.unless_repeated(ending).await?;
        notifier.end().await;
        match failed {
            Some(reason) => Err(Failure::Runtime(anyhow!("{reason}"))),
            None => Ok(()),
        }
    }
}

/// Says where it listens once clients can connect; returns the signal that ends it.
async fn serve(
    balancer: &Balancer,
    signals: &mut Signals,
    notifier: &Notifier,
) -> Result<&'static str, Failure> {
    tokio::select! {
        () = waiting(balancer, notifier) => {
            let (clients, admin) = (balancer.client_addr(), balancer.admin_addr());
            let mut out = std::io::stdout();
            writeln!(out, "listening {clients} admin {admin}")?;
            out.flush()?;
            notifier.ready(&format!("serving clients at {clients}"));
            Ok(signals.next().await)
        }
        name = signals.next() => Ok(name),
    }
}

/// Waits until clients can connect, and tells the service manager what for.
async fn waiting(balancer: &Balancer, notifier: &Notifier) {
    let mut readiness = balancer.readiness();
    loop {
        let now = readiness.borrow_and_update().clone();
        if now.is_ready() {
            return;
        }
        notifier.status(&now.to_string());
        if readiness.changed().await.is_err() {
            // The sender lives as long as the balancer.
            return;
        }
    }
}

/// Has files read again whenever a signal asks for it, and says what came of it.
async fn reload(balancer: &Balancer, hangups: &mut Hangups, notifier: &Notifier) -> Infallible {
    loop {
        hangups.next().await;
        // One that is still starting does not reload: it would seem to have started.
        let is_ready = balancer.readiness().borrow().is_ready();
        if is_ready {
            notifier.reloading();
        }
        let mut failed = 0;
        for it in balancer.reload().await {
            failed += usize::from(it.outcome == ReloadOutcome::Failed);
            log(&it);
        }
        if is_ready {
            notifier.ready(&match failed {
                0 => "serving clients, files read again".to_owned(),
                failed => format!("serving clients; files that are of no use: {failed}"),
            });
        }
    }
}

fn log(it: &Reloaded) {
    let Reloaded {
        what,
        file,
        outcome,
        detail,
    } = it;
    match outcome {
        ReloadOutcome::Same | ReloadOutcome::Changed => {
            tracing::info!(what, path = file, %outcome, detail, "reload");
        }
        ReloadOutcome::NeedsRestart => {
            tracing::warn!(what, path = file, %outcome, detail, "reload")
        }
        ReloadOutcome::Failed => tracing::error!(what, path = file, %outcome, detail, "reload"),
    }
}

/// The address to listen on; a name stands for its first address.
async fn resolve(address: &HostPort) -> Result<SocketAddr, Failure> {
    let failed = || format!("cannot listen on {address}");
    let mut found = tokio::net::lookup_host(address.to_string())
        .await
        .with_context(failed)?;
    Ok(found.next().context("no address").with_context(failed)?)
}
