mod handle;
mod overrides;
mod session;
mod settings;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use etcd_client::{
    Compare, CompareOp, Error, GetOptions, PutOptions, Txn, TxnOp, TxnOpResponse, TxnResponse,
};
use lookaside_registry::{
    Handle, Registered, Registrar, RegistrarError, Registration, RegistrationError, check_ttl,
};
use tracing::debug;

use self::{handle::Lease, session::Session};
use crate::{
    ConfigError, EtcdConfig,
    connector::Connector,
    layout::{address_of, encode, key_of},
};

/// How often a key may change between being read and being written before a request
/// gives up. Each time somebody else has just written the same key.
const CONTENTION: usize = 4;

/// Writes backends into etcd, each under a lease of its own.
///
/// Who owns a key: the lease it was written with. A registration takes over a key that
/// stands there already if it has the same address, because then it is the same
/// backend, restarted before its old lease ran out. Every other key is left alone
/// ([`RegistrarError::Taken`]), and so is a key that has got another lease since.
#[derive(Debug)]
pub struct EtcdRegistrar {
    session: Session,
    prefix: Arc<str>,
}

/// A key as a transaction found it.
struct Found {
    value: Vec<u8>,
    mod_revision: i64,
    lease: i64,
}

impl EtcdRegistrar {
    /// A registrar alone, without following anything: for a backend that registers
    /// itself.
    ///
    /// # Errors
    /// As [`EtcdRegistry::connect`](crate::EtcdRegistry::connect).
    pub async fn new(config: EtcdConfig) -> Result<Self, ConfigError> {
        Ok(Self::over(Arc::new(Connector::new(config).await?)))
    }

    pub(crate) fn over(connector: Arc<Connector>) -> Self {
        Self {
            prefix: connector.config().prefix.clone(),
            session: Session::new(connector),
        }
    }

    async fn grant(&self, ttl: Duration) -> Result<(i64, Duration), RegistrarError> {
        // Whole seconds; etcd may grant more: it needs a few heartbeats of its leader.
        let seconds = ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0);
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        let granted = self
            .session
            .call("a lease grant", |connection| async move {
                connection.lease().grant(seconds, None).await
            })
            .await?;
        let ttl = u64::try_from(granted.ttl()).unwrap_or_default();
        Ok((granted.id(), Duration::from_secs(ttl)))
    }

    /// Puts the value if the key is as it was seen last: absent, or the same backend's.
    async fn claim(
        &self,
        registration: &Registration,
        key: &str,
        lease: i64,
    ) -> Result<(), RegistrarError> {
        let value = encode(registration);
        // An absent key compares as one of revision 0.
        let mut seen = 0;
        for _ in 0..CONTENTION {
            let unchanged = Compare::mod_revision(key, CompareOp::Equal, seen);
            let found = match self.put_if(unchanged, key, &value, lease).await? {
                Ok(()) => return Ok(()),
                Err(found) => found,
            };
            seen = match found {
                None => 0,
                // An attempt of which the answer was lost.
                Some(found) if found.lease == lease => return Ok(()),
                Some(found) if address_of(&found.value).as_ref() == Some(&registration.address) => {
                    found.mod_revision
                }
                Some(_) => {
                    return Err(RegistrarError::Taken {
                        service: registration.service.clone(),
                        id: registration.id.clone(),
                    });
                }
            };
        }
        Err(contended(key))
    }

    /// Puts a value if a condition holds, else says what is there.
    async fn put_if(
        &self,
        condition: Compare,
        key: &str,
        value: &[u8],
        lease: i64,
    ) -> Result<Result<(), Option<Found>>, RegistrarError> {
        let put = TxnOp::put(key, value, Some(PutOptions::new().with_lease(lease)));
        let txn = Txn::new()
            .when([condition])
            .and_then([put])
            .or_else([TxnOp::get(key, None)]);
        let answer = self.txn(txn).await?;
        Ok(if answer.succeeded() {
            Ok(())
        } else {
            Err(found(&answer))
        })
    }

    async fn txn(&self, txn: Txn) -> Result<TxnResponse, RegistrarError> {
        let sent = self.session.call("a transaction", |connection| {
            let txn = txn.clone();
            async move { connection.kv().txn(txn).await }
        });
        sent.await
    }

    /// Whether the key is there with this lease, as the leader sees it.
    async fn is_held(&self, key: &str, lease: i64) -> Result<bool, RegistrarError> {
        // The member's own view first, which costs the cluster nothing; it may lag.
        for serializable in [true, false] {
            let options = GetOptions::new().with_keys_only();
            let options = if serializable {
                options.with_serializable()
            } else {
                options
            };
            let read = self.session.call("a read", |connection| {
                let options = options.clone();
                async move { connection.kv().get(key, Some(options)).await }
            });
            if read.await?.kvs().iter().any(|it| it.lease() == lease) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn revoke(&self, lease: i64) -> Result<(), RegistrarError> {
        let revoked = self
            .session
            .call("a lease revocation", |connection| async move {
                connection.lease().revoke(lease).await
            })
            .await;
        match revoked {
            Ok(_) | Err(RegistrarError::Gone) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Registrar for EtcdRegistrar {
    async fn register(
        &self,
        registration: &Registration,
        ttl: Duration,
    ) -> Result<Registered, RegistrarError> {
        registration.check()?;
        let ttl = check_ttl(ttl)?;
        let key = key_of(&self.prefix, &registration.service, &registration.id);
        let (id, ttl) = self.grant(ttl).await?;
        if let Err(error) = self.claim(registration, &key, id).await {
            // Nothing half done stays, not even a put of which the answer was lost.
            if let Err(error) = self.revoke(id).await {
                debug!(%error, "a lease that is not needed is left to expire");
            }
            return Err(error);
        }
        let handle = Lease { id, ttl, key }.encode()?;
        Ok(Registered { handle, ttl })
    }

    async fn renew(&self, handle: &Handle) -> Result<Duration, RegistrarError> {
        let lease = Lease::decode(&self.prefix, handle).ok_or(RegistrarError::Gone)?;
        let id = lease.id;
        let kept = self
            .session
            .call("a lease renewal", |connection| async move {
                match connection.lease().keep_alive(id).await {
                    Ok(_) => Ok(true),
                    // Only ever said of a lease that is not there.
                    Err(Error::LeaseKeepAliveError(_)) => Ok(false),
                    Err(error) => Err(error),
                }
            })
            .await?;
        // A key can go without its lease: deleted by hand, or lost to a backup that
        // was taken between grant and put. Its owner then has to register again, or
        // it would stay away for ever. And a put by hand takes it off its lease: it
        // would outlive its owner for ever.
        if !kept || !self.is_held(&lease.key, id).await? {
            return Err(RegistrarError::Gone);
        }
        Ok(lease.ttl)
    }

    async fn update(
        &self,
        handle: &Handle,
        registration: &Registration,
    ) -> Result<(), RegistrarError> {
        registration.check()?;
        let lease = Lease::decode(&self.prefix, handle).ok_or(RegistrarError::Gone)?;
        if !lease.is_of(&self.prefix, &registration.service, &registration.id) {
            return Err(RegistrationError::Fixed("the service or id").into());
        }
        let value = encode(registration);
        // What nothing ever is, so the first round only reads.
        let mut seen = -1;
        for _ in 0..=CONTENTION {
            let unchanged = Compare::mod_revision(&*lease.key, CompareOp::Equal, seen);
            let found = match self.put_if(unchanged, &lease.key, &value, lease.id).await? {
                Ok(()) => return Ok(()),
                Err(found) => found,
            };
            match found.filter(|found| found.lease == lease.id) {
                None => return Err(RegistrarError::Gone),
                Some(found)
                    if address_of(&found.value).is_some_and(|it| it != registration.address) =>
                {
                    return Err(RegistrationError::Fixed("the address").into());
                }
                Some(found) => seen = found.mod_revision,
            }
        }
        Err(contended(&lease.key))
    }

    async fn deregister(&self, handle: &Handle) -> Result<(), RegistrarError> {
        let Some(lease) = Lease::decode(&self.prefix, handle) else {
            return Ok(());
        };
        let ours = Compare::lease(&*lease.key, CompareOp::Equal, lease.id);
        let delete = TxnOp::delete(&*lease.key, None);
        let answer = self.txn(Txn::new().when([ours]).and_then([delete])).await?;
        // Only the lease of a backend that was there: handles come from the network,
        // and must not end anybody else's lease.
        if answer.succeeded()
            && let Err(error) = self.revoke(lease.id).await
        {
            debug!(%error, "a lease that is not needed is left to expire");
        }
        Ok(())
    }
}

fn found(answer: &TxnResponse) -> Option<Found> {
    answer.op_responses().into_iter().find_map(|it| match it {
        TxnOpResponse::Get(mut got) => got.take_kvs().pop().map(|it| Found {
            mod_revision: it.mod_revision(),
            lease: it.lease(),
            value: it.into_key_value().1,
        }),
        _ => None,
    })
}

fn contended(key: &str) -> RegistrarError {
    RegistrarError::Unavailable(format!("{key} is being written by others").into())
}
