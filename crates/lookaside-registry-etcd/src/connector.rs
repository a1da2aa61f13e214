#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::{fmt, sync::Arc, time::Duration};

use etcd_client::{Client, ConnectOptions, Error, KvClient, LeaseClient, WatchClient};
use lookaside_registry::reflector::Failure;
use tokio::time::timeout;

use crate::{
    ConfigError, EtcdConfig,
    failure::{classify, overdue},
};

/// The largest message that is received. A watch that catches up gets 1,000 revisions
/// in one message, so gRPC's usual 4 MiB would break it with values of 4 kB; this does
/// with values of 64 kB, and then the prefix is listed again.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// HTTP/2 pings on a connection with open requests: etcd answers pings more frequent
/// than one in 5 s with GOAWAY.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// How long a ping may go unanswered.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// For connections without requests, on which etcd allows no HTTP/2 pings.
const TCP_KEEPALIVE: Duration = Duration::from_secs(10);

/// Connects to one member at a time.
///
/// Not to all of them through etcd-client's balanced channel: it takes a member that
/// is down for ready, fails the first calls after one dies, and picks at random, so
/// that a retry may well meet the same member.
#[derive(Debug)]
pub(crate) struct Connector {
    config: EtcdConfig,
}

/// A connection to one member.
#[derive(Clone)]
pub(crate) struct Connection(Arc<Inner>);

struct Inner {
    client: Client,
    member: String,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.0.member).finish()
    }
}

impl Connection {
    pub(crate) fn kv(&self) -> KvClient {
        let kv = self.0.client.kv_client();
        kv.max_decoding_message_size(MAX_MESSAGE_BYTES)
    }

    pub(crate) fn watch(&self) -> WatchClient {
        let watch = self.0.client.watch_client();
        watch.max_decoding_message_size(MAX_MESSAGE_BYTES)
    }

    pub(crate) fn lease(&self) -> LeaseClient {
        self.0.client.lease_client()
    }

    /// For error messages.
    pub(crate) fn member(&self) -> &str {
        &self.0.member
    }
}

impl Connector {
    /// Checks the configuration, TLS material included.
    pub(crate) async fn new(config: EtcdConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let this = Self { config };
        // Without a user nothing is sent yet, so what fails is the configuration.
        if let Some(member) = this.config.endpoints.first() {
            Client::connect([member.to_string()], Some(this.options(false)?))
                .await
                .map_err(|error| ConfigError::Tls(crate::failure::describe(&error)))?;
        }
        Ok(this)
    }

    pub(crate) fn config(&self) -> &EtcdConfig {
        &self.config
    }

    /// How many members there are; at least one.
    pub(crate) fn members(&self) -> usize {
        self.config.endpoints.len()
    }

    /// Connects to a member and authenticates, within the time of a read.
    pub(crate) async fn connect(&self, member: usize) -> Result<Connection, Failure> {
        let endpoints = &self.config.endpoints;
        let member = endpoints[member % endpoints.len()].to_string();
        let within = self.config.timings.read;
        let connecting = async {
            match self.client(&member, true).await? {
                // So that a user can be configured before authentication is turned on, and
                // after it is turned off, without a moment in which nobody gets in.
                Err(error) if is_auth_off(&error) => self.client(&member, false).await,
                answer => Ok(answer),
            }
        };
        match timeout(within, connecting).await {
            Ok(Ok(Ok(client))) => Ok(Connection(Arc::new(Inner { client, member }))),
            Ok(Ok(Err(error))) => Err(classify(&member, &error)),
            Ok(Err(config)) => Err(Failure::unavailable(config.to_string())),
            Err(_) => Err(overdue(&member, "authentication", within)),
        }
    }

    async fn client(
        &self,
        member: &str,
        authenticate: bool,
    ) -> Result<Result<Client, Error>, ConfigError> {
        let options = self.options(authenticate)?;
        Ok(Client::connect([member], Some(options)).await)
    }

    fn options(&self, authenticate: bool) -> Result<ConnectOptions, ConfigError> {
        let config = &self.config;
        let mut options = ConnectOptions::new()
            .with_connect_timeout(config.timings.read)
            .with_keep_alive(PING_INTERVAL, PING_TIMEOUT)
            // etcd forbids pings on idle connections: 3.4 closes them at the third.
            .with_keep_alive_while_idle(false)
            .with_tcp_keepalive(TCP_KEEPALIVE)
            // A member cut off from the others ends its watches instead of going quiet.
            .with_require_leader(true)
            .with_auto_token_refresh(true);
        if let (true, Some(user), Some(password)) = (authenticate, &config.user, &config.password) {
            options = options.with_user(user, password);
        }
        self.tls(options)
    }

    #[cfg(feature = "tls")]
    fn tls(&self, options: ConnectOptions) -> Result<ConnectOptions, ConfigError> {
        use etcd_client::{Certificate, Identity, TlsOptions};

        let read_file = |field, path: &PathBuf| {
            std::fs::read(path).map_err(|error| ConfigError::File {
                field,
                path: path.clone(),
                error,
            })
        };
        let config = &self.config;
        let Some(ca) = &config.ca else {
            return Ok(options);
        };
        let mut tls = TlsOptions::new().ca_certificate(Certificate::from_pem(read_file("ca", ca)?));
        if let (Some(cert), Some(key)) = (&config.cert, &config.key) {
            let (cert, key) = (read_file("cert", cert)?, read_file("key", key)?);
            tls = tls.identity(Identity::from_pem(cert, key));
        }
        Ok(options.with_tls(tls))
    }

    #[cfg(not(feature = "tls"))]
    #[expect(
        clippy::unused_self,
        reason = "the same signature with and without TLS"
    )]
    fn tls(&self, options: ConnectOptions) -> Result<ConnectOptions, ConfigError> {
        Ok(options)
    }
}

/// Whether it is refused to authenticate because nobody needs to.
fn is_auth_off(error: &Error) -> bool {
    matches!(error, Error::GRpcStatus(status)
        if status.code() == tonic::Code::FailedPrecondition
            && status.message().contains("authentication is not enabled"))
}

/// Whether an error leaves open that another try, or another member, succeeds.
pub(crate) fn is_transient(error: &Error) -> bool {
    use tonic::Code;
    match error {
        Error::GRpcStatus(status) => matches!(
            status.code(),
            Code::Unavailable
                | Code::DeadlineExceeded
                | Code::Cancelled
                | Code::Unknown
                | Code::Internal
                | Code::Aborted
                | Code::Unauthenticated
        ),
        Error::TransportError(_) | Error::WatchError(_) | Error::IoError(_) => true,
        _ => false,
    }
}
