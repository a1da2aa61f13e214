use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::{sync::Notify, task::spawn_blocking, time::sleep};
use tokio_rustls::rustls::ServerConfig;

use super::{
    Acceptor, Contents, Loaded, Tls, TlsFileError,
    handshake::turns,
    watcher::{Look, Watcher},
};

/// How often the files are read. Their content is compared: what mounts secrets into
/// containers swaps symbolic links, of which file events tell nothing.
const POLL: Duration = Duration::from_secs(5);

/// What new connections are accepted with.
#[derive(Debug)]
pub(crate) struct Configs {
    client_port: Arc<ArcSwap<ServerConfig>>,
    admin_port: Arc<ArcSwap<ServerConfig>>,
}

impl Configs {
    fn new(loaded: Loaded) -> Self {
        Self {
            client_port: Arc::new(ArcSwap::new(loaded.client_port)),
            admin_port: Arc::new(ArcSwap::new(loaded.admin_port)),
        }
    }

    fn replace(&self, loaded: Loaded) {
        self.client_port.store(loaded.client_port);
        self.admin_port.store(loaded.admin_port);
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
        } = &*self.configs;
        (
            Acceptor::new(Arc::clone(client_port), Arc::clone(&turns)),
            Acceptor::new(Arc::clone(admin_port), turns),
        )
    }

    /// Reads them again and again, and at once when asked to. Never returns.
    pub(crate) async fn run(mut self, asked: Arc<Notify>) {
        loop {
            let asked = tokio::select! {
                () = sleep(POLL) => false,
                () = asked.notified() => true,
            };
            let tls = self.tls.clone();
            // Files can hang, as on a network.
            let Ok(read) = spawn_blocking(move || Contents::read(&tls)).await else {
                continue;
            };
            match self.watcher.look(read, asked) {
                Look::Same => {}
                Look::New(loaded) => {
                    self.configs.replace(loaded);
                    tracing::info!("new certificates: connections from now on get them");
                }
                Look::Broken(error) => {
                    tracing::error!(%error, "the certificates are not replaced");
                }
            }
        }
    }
}
