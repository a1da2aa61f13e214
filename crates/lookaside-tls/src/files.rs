use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::AcqRel, Ordering::Release},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{task::spawn_blocking, time::Instant};
use tokio_rustls::rustls::ClientConfig;

use crate::{ClientTls, ClientTlsError, Identity, builder::ClientTlsBuilder};

/// How old what was read may be when a connection is made. Contents are compared: what
/// mounts secrets into containers swaps symbolic links.
const FRESH: Duration = Duration::from_secs(5);

/// Where a client's TLS is, PEM files that may be replaced at any time.
///
/// ```no_run
/// # fn run() -> Result<(), lookaside_tls::ClientTlsError> {
/// use lookaside_tls::TlsFiles;
///
/// let tls = TlsFiles::new("/etc/pki/ca.pem")
///     .identity("/etc/pki/client.pem", "/etc/pki/client.key")
///     .load()?;
/// # drop(tls);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "it is read when it is loaded"]
pub struct TlsFiles {
    ca: PathBuf,
    identity: Option<(PathBuf, PathBuf)>,
}

impl TlsFiles {
    /// Believes peers whose certificate is of one of the CAs in this file.
    pub fn new(ca: impl Into<PathBuf>) -> Self {
        Self {
            ca: ca.into(),
            identity: None,
        }
    }

    /// Shows the certificate in `cert`, whose private key is in `key`, to peers that ask.
    pub fn identity(mut self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identity = Some((cert.into(), key.into()));
        self
    }

    /// Reads the files, and again when a connection is made and what was read is older than
    /// 5 s. Files that have become no use change nothing, and are complained of in the log.
    ///
    /// # Errors
    /// Names the file, and says what is wrong with it.
    pub fn load(self) -> Result<ClientTls, ClientTlsError> {
        Ok(ClientTls::reloading(Reloading::new(self, FRESH)?))
    }
}

/// The contents of the files.
#[derive(PartialEq, Eq)]
struct Contents {
    ca: Vec<u8>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Contents {
    fn read(files: &TlsFiles) -> Result<Self, ClientTlsError> {
        Ok(Self {
            ca: read("CA", &files.ca)?,
            identity: match &files.identity {
                Some((cert, key)) => Some((read("certificate", cert)?, read("key", key)?)),
                None => None,
            },
        })
    }

    fn config(&self, files: &TlsFiles) -> Result<Arc<ClientConfig>, ClientTlsError> {
        let mut builder = ClientTlsBuilder::new().ca(&self.ca);
        if let Some((cert, key)) = &self.identity {
            builder = builder.identity(Identity { cert, key });
        }
        builder.config().map_err(|error| {
            let path = match (error.what.as_str(), &files.identity) {
                ("CA", _) | (_, None) => &files.ca,
                ("key", Some((_, key))) => key,
                (_, Some((cert, _))) => cert,
            };
            let what = format!("{} {}", error.what, path.display());
            ClientTlsError::new(what, error.reason)
        })
    }
}

fn read(what: &str, path: &Path) -> Result<Vec<u8>, ClientTlsError> {
    let named = |error: io::Error| {
        let what = format!("{what} {}", path.display());
        ClientTlsError::new(what, format!("cannot be read: {error}"))
    };
    std::fs::read(path).map_err(named)
}

/// What the files say, as of lately.
pub(crate) struct Reloading {
    files: TlsFiles,
    fresh: Duration,
    current: ArcSwap<Current>,
    /// One look at a time: files can hang, as on a network, and everybody else goes on with
    /// what there is.
    looking: AtomicBool,
}

struct Current {
    read_at: Instant,
    contents: Arc<Contents>,
    config: Arc<ClientConfig>,
    /// What was wrong when they were read last, and has been told.
    wrong: Option<ClientTlsError>,
}

impl Reloading {
    pub(crate) fn new(files: TlsFiles, fresh: Duration) -> Result<Self, ClientTlsError> {
        let contents = Contents::read(&files)?;
        let config = contents.config(&files)?;
        Ok(Self {
            files,
            fresh,
            current: ArcSwap::from_pointee(Current {
                read_at: Instant::now(),
                contents: Arc::new(contents),
                config,
                wrong: None,
            }),
            looking: AtomicBool::new(false),
        })
    }

    /// What to connect with now.
    pub(crate) async fn config(&self) -> Arc<ClientConfig> {
        let current = self.current.load_full();
        if current.read_at.elapsed() < self.fresh || self.looking.swap(true, AcqRel) {
            return Arc::clone(&current.config);
        }
        // Also when the connection is given up meanwhile.
        let _looking = Looking(&self.looking);
        let files = self.files.clone();
        let read = spawn_blocking(move || Contents::read(&files)).await;
        if let Ok(read) = read {
            self.current.store(Arc::new(self.judge(&current, read)));
        }
        Arc::clone(&self.current.load().config)
    }

    fn judge(&self, current: &Current, read: Result<Contents, ClientTlsError>) -> Current {
        let same = Current {
            read_at: Instant::now(),
            contents: Arc::clone(&current.contents),
            config: Arc::clone(&current.config),
            wrong: None,
        };
        let loaded = match read {
            Ok(contents) if contents == *current.contents => return same,
            Ok(contents) => contents
                .config(&self.files)
                .map(|config| (contents, config)),
            Err(error) => Err(error),
        };
        match loaded {
            Ok((contents, config)) => {
                tracing::info!("new certificates: connections from now on use them");
                Current {
                    contents: Arc::new(contents),
                    config,
                    ..same
                }
            }
            Err(error) => {
                if current.wrong.as_ref() != Some(&error) {
                    tracing::error!(%error, "the certificates are not replaced");
                }
                Current {
                    wrong: Some(error),
                    ..same
                }
            }
        }
    }
}

struct Looking<'a>(&'a AtomicBool);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.store(false, Release);
    }
}

#[cfg(test)]
mod tests;
