use std::time::Duration;

use async_trait::async_trait;
use etcd_client::{Compare, CompareOp, LeaseTimeToLiveOptions, PutOptions, Txn, TxnOp};
use lookaside_core::{Override, OverrideNote, OverrideTarget, Revision, ServiceName};
use lookaside_registry::{OverrideError, OverrideWriter, RegistrarError, override_json};
use tracing::debug;

use super::{EtcdRegistrar, Found, found};

fn unwritten(error: RegistrarError) -> OverrideError {
    match error {
        RegistrarError::Denied(reason) => OverrideError::Denied(reason.to_string()),
        RegistrarError::Unavailable(reason) => OverrideError::Unavailable(reason.to_string()),
        error => OverrideError::Unavailable(error.to_string()),
    }
}

impl EtcdRegistrar {
    fn override_key(&self, service: &ServiceName, target: &OverrideTarget) -> String {
        let prefix = &self.session.config().override_prefix;
        format!("{prefix}{}", target.key(service))
    }

    /// Does `op` if the conditions hold, and says what was there before it; else says
    /// what is there.
    async fn write_override(
        &self,
        key: &str,
        op: TxnOp,
        conditions: impl IntoIterator<Item = Compare>,
    ) -> Result<Result<Written, Option<Found>>, OverrideError> {
        let txn = Txn::new()
            .when(conditions.into_iter().collect::<Vec<_>>())
            // In this order: what is read is what stood there before.
            .and_then([TxnOp::get(key, None), op])
            .or_else([TxnOp::get(key, None)]);
        let answer = self.txn(txn).await.map_err(unwritten)?;
        let found = found(&answer);
        Ok(if answer.succeeded() {
            Ok(Written {
                revision: answer.header().map_or(0, |header| header.revision()),
                before: found,
            })
        } else {
            Err(found)
        })
    }

    /// Ends the lease of an override that stands there no more, which might else be kept
    /// for a year. Not one that an operator has put other keys under.
    async fn end_lease_of(&self, before: Option<Found>) {
        let Some(lease) = before.map(|it| it.lease).filter(|lease| *lease != 0) else {
            return;
        };
        let options = LeaseTimeToLiveOptions::new().with_keys();
        let asked = self.session.call("a look at a lease", |connection| {
            let options = options.clone();
            async move { connection.lease().time_to_live(lease, Some(options)).await }
        });
        match asked.await {
            Ok(it) if it.keys().is_empty() => self.let_go(lease).await,
            Ok(_) => debug!(lease, "a lease is left to expire: other keys depend on it"),
            Err(error) => debug!(%error, "a lease that is not needed is left to expire"),
        }
    }

    async fn let_go(&self, lease: i64) {
        if let Err(error) = self.session.revoke(lease).await {
            debug!(%error, "a lease that is not needed is left to expire");
        }
    }
}

/// What came of a write.
struct Written {
    revision: Revision,
    before: Option<Found>,
}

#[async_trait]
impl OverrideWriter for EtcdRegistrar {
    async fn put(
        &self,
        service: &ServiceName,
        order: &Override,
        note: &OverrideNote,
        ttl: Option<Duration>,
        expected: Option<Revision>,
    ) -> Result<Revision, OverrideError> {
        OverrideError::check(note, ttl)?;
        let target = order.target();
        let key = self.override_key(service, &target);
        let value = override_json(order, note);
        let lease = match ttl {
            Some(ttl) => Some(self.session.grant_new(ttl).await.map_err(unwritten)?),
            None => None,
        };
        let options = lease.map(|lease| PutOptions::new().with_lease(lease));
        let put = TxnOp::put(&*key, &*value, options);
        // An absent key compares as one of revision 0.
        let unchanged = expected.map(|it| Compare::mod_revision(&*key, CompareOp::Equal, it));
        // Without an answer, the key may stand there, and would go with its lease: an
        // override that is there and then is not. If it does not, the lease is as long
        // as the override was to be.
        let written = self.write_override(&key, put, unchanged).await?;
        let found = match written {
            Ok(Written { revision, before }) => {
                // Its own, where the answer to the first attempt was lost.
                self.end_lease_of(before.filter(|it| Some(it.lease) != lease))
                    .await;
                return Ok(revision);
            }
            // An attempt of which the answer was lost.
            Err(Some(found))
                if found.value == value.as_bytes() && found.lease == lease.unwrap_or(0) =>
            {
                return Ok(found.mod_revision);
            }
            Err(found) => found.map_or(0, |found| found.mod_revision),
        };
        // Refused for certain: no key is under the new lease.
        if let Some(lease) = lease {
            self.let_go(lease).await;
        }
        OverrideError::compare(service, &target, expected, found).map(|()| found)
    }

    async fn delete(
        &self,
        service: &ServiceName,
        target: &OverrideTarget,
        expected: Option<Revision>,
    ) -> Result<bool, OverrideError> {
        let key = self.override_key(service, target);
        // Whether there was one: a version counts the writes since a key was created.
        let exists = [Compare::version(&*key, CompareOp::Greater, 0)];
        let there = expected.map(|it| Compare::mod_revision(&*key, CompareOp::Equal, it));
        let delete = TxnOp::delete(&*key, None);
        let deleted = self.write_override(&key, delete, exists.into_iter().chain(there));
        match deleted.await? {
            Ok(Written { before, .. }) => {
                self.end_lease_of(before).await;
                Ok(true)
            }
            Err(None) => Ok(false),
            Err(Some(found)) => {
                OverrideError::compare(service, target, expected, found.mod_revision)?;
                Ok(false)
            }
        }
    }
}
