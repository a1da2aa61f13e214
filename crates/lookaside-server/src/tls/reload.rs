use std::{path::PathBuf, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    sync::{mpsc, oneshot},
    task::spawn_blocking,
    time::sleep,
};
use tokio_rustls::rustls::ServerConfig;

use super::{
    Acceptor, Contents, Loaded, Tls, TlsFileError,
    handshake::turns,
    watcher::{Look, Watcher},
};

/// How often the files are read. Their content is compared: what mounts secrets into
/// containers swaps symbolic links, of which file events tell nothing.
const POLL: Duration = Duration::from_secs(5);

/// Asks for a look now, and is told of each file whether it is another than before.
pub(crate) type Ask = oneshot::Sender<Result<Vec<TlsFile>, TlsFileError>>;

/// A file, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFile {
    /// The setting that names it.
    pub(crate) key: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) is_new: bool,
}

/// What new connections are accepted with.
#[derive(Debug)]
pub(crate) struct Configs {
    client_port: Arc<ArcSwap<ServerConfig>>,
    admin_port: Arc<ArcSwap<ServerConfig>>,
    ends_at: Gauge,
}

impl Configs {
    fn new(loaded: Loaded) -> Self {
        let ends_at = Gauge::default();
        ends_at.set(loaded.ends_at.unwrap_or_default());
        Self {
            client_port: Arc::new(ArcSwap::new(loaded.client_port)),
            admin_port: Arc::new(ArcSwap::new(loaded.admin_port)),
            ends_at,
        }
    }

    fn replace(&self, loaded: Loaded) {
        self.client_port.store(loaded.client_port);
        self.admin_port.store(loaded.admin_port);
        self.ends_at.set(loaded.ends_at.unwrap_or_default());
    }
}

/// Keeps what connections are accepted with up to date with the files.
#[derive(Debug)]
pub(crate) struct Reloader {
    tls: Tls,
    watcher: Watcher,
    configs: Arc<Configs>,
}

impl Reloader {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// They are no use; says which one, and what was expected.
    pub(crate) fn new(tls: Tls) -> Result<Self, TlsFileError> {
        let contents = Contents::read(&tls)?;
        let loaded = contents.load(&tls)?;
        loaded.complain_if_ended(&tls);
        Ok(Self {
            watcher: Watcher::new(tls.clone(), contents),
            tls,
            configs: Arc::new(Configs::new(loaded)),
        })
    }

    /// What takes the connections of the client port and of the admin port into TLS.
    pub(crate) fn acceptors(&self) -> (Acceptor, Acceptor) {
        let turns = turns();
        let Configs {
            client_port,
            admin_port,
            ..
        } = &*self.configs;
        (
            Acceptor::new(Arc::clone(client_port), Arc::clone(&turns)),
            Acceptor::new(Arc::clone(admin_port), turns),
        )
    }

    /// When the certificate in use ends, in Unix time.
    pub(crate) fn ends_at(&self) -> Gauge {
        self.configs.ends_at.clone()
    }

    /// Reads them again and again, and at once when asked to. Never returns.
    pub(crate) async fn run(mut self, mut asks: mpsc::Receiver<Ask>) {
        loop {
            let ask = tokio::select! {
                () = sleep(POLL) => None,
                Some(ask) = asks.recv() => Some(ask),
            };
            let tls = self.tls.clone();
            // Files can hang, as on a network.
            let Ok(read) = spawn_blocking(move || Contents::read(&tls)).await else {
                continue;
            };
            let files = read.as_ref().map(|it| self.watcher.compare(it));
            let files = files.map_err(Clone::clone);
            let found = match self.watcher.look(read, ask.is_some()) {
                Look::Same => files,
                Look::New(loaded) => {
                    loaded.complain_if_ended(&self.tls);
                    self.configs.replace(loaded);
                    tracing::info!("new certificates: connections from now on get them");
                    files
                }
                Look::Broken(error) => {
                    tracing::error!(%error, "the certificates are not replaced");
                    Err(error)
                }
            };
            if let Some(ask) = ask {
                // Whoever asked may have gone away.
                let _ = ask.send(found);
            }
        }
    }
}
