mod handle;
mod lease;
mod overrides;
mod session;
mod settings;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use etcd_client::{
    Compare, CompareOp, GetOptions, KeyValue, PutOptions, Txn, TxnOp, TxnOpResponse, TxnResponse,
};
use lookaside_registry::{
    Claim, Handle, Owner, Registered, Registrar, RegistrarError, Registration, RegistrationError,
    check_ttl,
};
use tracing::debug;

use self::{
    handle::Lease,
    lease::{LeaseState, lease_of},
    session::Session,
};
use crate::{
    ConfigError, EtcdConfig,
    connector::Connector,
    layout::{address_of, encode, key_of, owner_of},
};

/// How often a key may change between being read and being written before a request
/// gives up. Each time somebody else has just written the same key.
const CONTENTION: usize = 4;

/// Writes backends into etcd, each under a lease of its own.
///
/// Who owns a key: whoever made the claim ([`Claim`]), of which the value tells. A
/// registration takes over a key that stands there already if its owner yields to it
/// ([`Owner::yields_to`]). Every other key is left alone ([`RegistrarError::Taken`],
/// [`RegistrarError::Outdated`]): one
/// that somebody else renews, and one that was written without a registrar of ours. A
/// handle is good for the lease that it was given with, and for none that came later.
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

impl Lease {
    /// What was found, if it stands under this lease and is a registrar's: what others
    /// wrote is not ours to change or to end, whatever a handle says.
    fn own(&self, found: Option<Found>) -> Option<(Found, Owner)> {
        let found = found.filter(|found| found.lease == self.id)?;
        let owner = owner_of(&found.value)?;
        Some((found, owner))
    }
}

impl From<KeyValue> for Found {
    fn from(it: KeyValue) -> Self {
        Self {
            mod_revision: it.mod_revision(),
            lease: it.lease(),
            value: it.into_key_value().1,
        }
    }
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

    /// Puts a claim's value under its lease; returns for how long. Nothing is granted for a
    /// claim that is refused at first sight.
    async fn put_claimed(
        &self,
        registration: &Registration,
        ttl: Duration,
        claim: &Claim,
        key: &str,
    ) -> Result<Duration, RegistrarError> {
        let owner = claim.owner(&registration.service, &registration.id);
        let lease = lease_of(claim, registration);
        let value = encode(registration, &owner);
        let mut granted = None;
        let mut there = self.read(key).await?;
        for _ in 0..=CONTENTION {
            // An absent key compares as one of revision 0.
            let (seen, displaced) = match &there {
                None => (0, 0),
                // A request of which the answer was lost. The value is left as it is: it
                // may have been updated since.
                Some(found) if found.lease == lease => {
                    if let Some(ttl) = self.session.keep_whole(lease).await? {
                        return Ok(ttl);
                    }
                    there = self.read(key).await?;
                    continue;
                }
                Some(found) if self.yields(found, registration, &owner).await? => {
                    (found.mod_revision, found.lease)
                }
                Some(found) => {
                    if granted.is_some() {
                        self.clear_away(lease).await;
                    }
                    return Err(refusal(found, registration, &owner));
                }
            };
            let ttl = match granted {
                Some(ttl) => ttl,
                None => *granted.insert(self.session.grant(lease, ttl).await?),
            };
            let unchanged = Compare::mod_revision(key, CompareOp::Equal, seen);
            match self.put_if(unchanged, key, &value, lease).await? {
                Ok(()) => {
                    self.clear_away(displaced).await;
                    return Ok(ttl);
                }
                Err(found) => there = found,
            }
        }
        Err(contended(key))
    }

    /// A key as the leader sees it.
    async fn read(&self, key: &str) -> Result<Option<Found>, RegistrarError> {
        let read = self.session.call("a read", |connection| async move {
            connection.kv().get(key, None).await
        });
        Ok(read.await?.take_kvs().pop().map(Found::from))
    }

    /// Whether a key may be taken over. One that no registrar of ours wrote never is: it
    /// belongs to whoever wrote it, by hand or with etcd's own packages.
    async fn yields(
        &self,
        found: &Found,
        registration: &Registration,
        owner: &Owner,
    ) -> Result<bool, RegistrarError> {
        let Some(held) = owner_of(&found.value) else {
            return Ok(false);
        };
        let same_address = address_of(&found.value).as_ref() == Some(&registration.address);
        if held.yields_to(owner, same_address, false) {
            return Ok(true);
        }
        if !held.yields_to(owner, same_address, true) {
            return Ok(false);
        }
        // A key without a lease is renewed by nobody.
        let lease = match found.lease {
            0 => None,
            lease => self.session.lease(lease).await?,
        };
        Ok(lease.is_none_or(|lease| lease.missed_renewal()))
    }

    /// Ends a lease (0: none) that holds no key.
    async fn clear_away(&self, lease: i64) {
        if lease == 0 {
            return;
        }
        let cleared = match self.session.lease(lease).await {
            Ok(Some(LeaseState { keys: 0, .. })) => self.session.revoke(lease).await,
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = cleared {
            debug!(%error, "a lease that is not needed is left to expire");
        }
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
}

#[async_trait]
impl Registrar for EtcdRegistrar {
    async fn claim(
        &self,
        registration: &Registration,
        ttl: Duration,
        claim: &Claim,
    ) -> Result<Registered, RegistrarError> {
        registration.check()?;
        let ttl = check_ttl(ttl)?;
        let key = key_of(&self.prefix, &registration.service, &registration.id);
        let ttl = self.put_claimed(registration, ttl, claim, &key).await?;
        let id = lease_of(claim, registration);
        let handle = Lease { id, ttl, key }.encode()?;
        Ok(Registered { handle, ttl })
    }

    async fn renew(&self, handle: &Handle) -> Result<Duration, RegistrarError> {
        let lease = Lease::decode(&self.prefix, handle).ok_or(RegistrarError::Gone)?;
        let id = lease.id;
        // A key can go without its lease: deleted by hand, or lost to a backup that
        // was taken between grant and put. Its owner then has to register again, or
        // it would stay away for ever. And a put by hand takes it off its lease: it
        // would outlive its owner for ever. Looked at first: handles come from the
        // network, and must not keep anybody else's lease.
        if self.is_held(&lease.key, id).await? && self.session.keep(id).await? {
            Ok(lease.ttl)
        } else {
            Err(RegistrarError::Gone)
        }
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
        let mut there = self.read(&lease.key).await?;
        for _ in 0..CONTENTION {
            let (found, owner) = lease.own(there).ok_or(RegistrarError::Gone)?;
            if address_of(&found.value).is_some_and(|it| it != registration.address) {
                return Err(RegistrationError::Fixed("the address").into());
            }
            let value = encode(registration, &owner);
            let unchanged =
                Compare::mod_revision(&*lease.key, CompareOp::Equal, found.mod_revision);
            match self.put_if(unchanged, &lease.key, &value, lease.id).await? {
                Ok(()) => return Ok(()),
                Err(found) => there = found,
            }
        }
        Err(contended(&lease.key))
    }

    async fn deregister(&self, handle: &Handle) -> Result<(), RegistrarError> {
        let Some(lease) = Lease::decode(&self.prefix, handle) else {
            return Ok(());
        };
        // Read first: handles come from the network, and must end neither anybody else's
        // key nor anybody else's lease; and a read costs etcd no log entry.
        if lease.own(self.read(&lease.key).await?).is_none() {
            return Ok(());
        }
        let ours = Compare::lease(&*lease.key, CompareOp::Equal, lease.id);
        let delete = TxnOp::delete(&*lease.key, None);
        let answer = self.txn(Txn::new().when([ours]).and_then([delete])).await?;
        if answer.succeeded()
            && let Err(error) = self.session.revoke(lease.id).await
        {
            debug!(%error, "a lease that is not needed is left to expire");
        }
        Ok(())
    }
}

fn found(answer: &TxnResponse) -> Option<Found> {
    answer.op_responses().into_iter().find_map(|it| match it {
        TxnOpResponse::Get(mut got) => got.take_kvs().pop().map(Found::from),
        _ => None,
    })
}

/// Why a key that does not yield does not.
fn refusal(found: &Found, registration: &Registration, owner: &Owner) -> RegistrarError {
    let same_address = address_of(&found.value).as_ref() == Some(&registration.address);
    owner_of(&found.value)
        .and_then(|held| held.outdates(owner, registration, same_address))
        .unwrap_or_else(|| RegistrarError::Taken {
            service: registration.service.clone(),
            id: registration.id.clone(),
            holder: holder(found),
        })
}

fn holder(found: &Found) -> Arc<str> {
    let owner = match owner_of(&found.value) {
        Some(owner) => owner.to_string(),
        None => "somebody without a balancer".to_owned(),
    };
    match address_of(&found.value) {
        Some(address) => format!("{owner}, at {address}").into(),
        None => owner.into(),
    }
}

fn contended(key: &str) -> RegistrarError {
    RegistrarError::Unavailable(format!("{key} is being written by others").into())
}
