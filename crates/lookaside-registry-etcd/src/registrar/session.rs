use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use etcd_client::Error;
use lookaside_registry::RegistrarError;
use tokio::time::timeout;
use tonic::Code;

use crate::{
    EtcdConfig,
    connector::{Connection, Connector, is_transient},
    failure::{describe, overdue},
};

/// Attempts on a request at least; as many as there are members if these are more.
const MIN_ATTEMPTS: usize = 2;

/// A connection that is kept between requests, and moves on to the next member when
/// one fails.
#[derive(Debug)]
pub(super) struct Session {
    connector: Arc<Connector>,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    member: usize,
    /// Counts the connections that were given up.
    generation: u64,
    connection: Option<Connection>,
}

impl Session {
    pub(super) fn new(connector: Arc<Connector>) -> Self {
        let member = fastrand::usize(..connector.members());
        Self {
            connector,
            current: Mutex::new(Current {
                member,
                generation: 0,
                connection: None,
            }),
        }
    }

    /// What is reached, and what stands where in it.
    pub(super) fn config(&self) -> &EtcdConfig {
        self.connector.config()
    }

    /// Makes a request, on other members too if need be. It may reach etcd more than
    /// once: requests must be such that this does no harm.
    ///
    /// # Errors
    /// [`RegistrarError::Gone`] for a lease that is not there, [`RegistrarError::Denied`]
    /// for what its user has no right to, else [`RegistrarError::Unavailable`] with the last
    /// reason.
    pub(super) async fn call<T, F>(
        &self,
        what: &str,
        request: impl Fn(Connection) -> F,
    ) -> Result<T, RegistrarError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let within = self.connector.config().timings.read;
        let mut reason = Arc::from("");
        for _ in 0..self.connector.members().max(MIN_ATTEMPTS) {
            let attempt = self.attempt();
            let connection = match attempt.connection().await {
                Ok(it) => it,
                Err(it) => {
                    reason = it;
                    continue;
                }
            };
            let name = connection.member().to_owned();
            match timeout(within, request(connection)).await {
                Ok(Ok(answer)) => {
                    attempt.answered();
                    return Ok(answer);
                }
                Ok(Err(error)) if is_transient(&error) => {
                    reason = format!("{name}: {}", describe(&error)).into();
                }
                // The only thing that any of the requests could not find is its lease.
                Ok(Err(Error::GRpcStatus(status))) if status.code() == Code::NotFound => {
                    attempt.answered();
                    return Err(RegistrarError::Gone);
                }
                Ok(Err(error)) => {
                    attempt.answered();
                    let reason = format!("{name}: {}", describe(&error)).into();
                    return Err(match error {
                        Error::GRpcStatus(status) if status.code() == Code::PermissionDenied => {
                            RegistrarError::Denied(reason)
                        }
                        _ => RegistrarError::Unavailable(reason),
                    });
                }
                Err(_) => reason = overdue(&name, what, within).reason,
            }
        }
        Err(RegistrarError::Unavailable(reason))
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attempt(&self) -> Attempt<'_> {
        let current = self.current();
        Attempt {
            session: self,
            member: current.member,
            generation: current.generation,
            connection: current.connection.clone(),
            answered: false,
        }
    }

    /// On to the next member, unless another request has done so already.
    fn leave(&self, generation: u64) {
        let mut current = self.current();
        if current.generation == generation {
            *current = Current {
                member: (current.member + 1) % self.connector.members(),
                generation: generation + 1,
                connection: None,
            };
        }
    }
}

/// One attempt on one member, which is left for the next one unless it answers. So it is
/// when the attempt is dropped half way: whoever asks has less patience than a request is
/// given here, and would meet the same silent member each time.
struct Attempt<'a> {
    session: &'a Session,
    member: usize,
    generation: u64,
    connection: Option<Connection>,
    answered: bool,
}

impl Attempt<'_> {
    /// The connection that there is, or a new one.
    async fn connection(&self) -> Result<Connection, Arc<str>> {
        if let Some(connection) = &self.connection {
            return Ok(connection.clone());
        }
        let connected = self.session.connector.connect(self.member).await;
        let connection = connected.map_err(|failure| failure.reason)?;
        let mut current = self.session.current();
        if current.generation == self.generation {
            current.connection = Some(connection.clone());
        }
        Ok(connection)
    }

    fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.session.leave(self.generation);
        }
    }
}
