use std::time::Duration;

use async_trait::async_trait;
use etcd_client::{Compare, CompareOp, PutOptions, Txn, TxnOp};
use lookaside_core::{Override, OverrideNote, OverrideTarget, Revision, ServiceName};
use lookaside_registry::{OverrideError, OverrideWriter, RegistrarError, override_json};
use tracing::debug;

use super::{EtcdRegistrar, Found, found};

fn unavailable(error: RegistrarError) -> OverrideError {
    OverrideError::Unavailable(match error {
        RegistrarError::Unavailable(reason) => reason.to_string(),
        error => error.to_string(),
    })
}

impl EtcdRegistrar {
    fn override_key(&self, service: &ServiceName, target: &OverrideTarget) -> String {
        let prefix = &self.session.config().override_prefix;
        format!("{prefix}{}", target.key(service))
    }

    /// Does `op` if the key is at the expected revision, and else says what is there.
    async fn write_override(
        &self,
        key: &str,
        op: TxnOp,
        expected: Option<Revision>,
    ) -> Result<Result<Revision, Option<Found>>, OverrideError> {
        // An absent key compares as one of revision 0.
        let unchanged = expected.map(|it| Compare::mod_revision(key, CompareOp::Equal, it));
        let txn = Txn::new()
            .when(unchanged.into_iter().collect::<Vec<_>>())
            .and_then([op])
            .or_else([TxnOp::get(key, None)]);
        let answer = self.txn(txn).await.map_err(unavailable)?;
        Ok(if answer.succeeded() {
            Ok(answer.header().map_or(0, |header| header.revision()))
        } else {
            Err(found(&answer))
        })
    }
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
            Some(ttl) => Some(self.session.grant_new(ttl).await.map_err(unavailable)?),
            None => None,
        };
        let options = lease.map(|lease| PutOptions::new().with_lease(lease));
        let put = TxnOp::put(&*key, &*value, options);
        let written = match self.write_override(&key, put, expected).await {
            // An attempt of which the answer was lost.
            Ok(Err(Some(found)))
                if found.value == value.as_bytes() && found.lease == lease.unwrap_or(0) =>
            {
                Ok(found.mod_revision)
            }
            Ok(Err(found)) => {
                let found = found.map_or(0, |found| found.mod_revision);
                OverrideError::compare(service, &target, expected, found).map(|()| found)
            }
            Ok(Ok(revision)) => Ok(revision),
            Err(error) => Err(error),
        };
        // Nothing half done stays, not even a put of which the answer was lost.
        if let (Err(_), Some(lease)) = (&written, lease)
            && let Err(error) = self.session.revoke(lease).await
        {
            debug!(%error, "a lease that is not needed is left to expire");
        }
        written
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
        let txn = Txn::new()
            .when(exists.into_iter().chain(there).collect::<Vec<_>>())
            .and_then([TxnOp::delete(&*key, None)])
            .or_else([TxnOp::get(&*key, None)]);
        let answer = self.txn(txn).await.map_err(unavailable)?;
        match found(&answer) {
            _ if answer.succeeded() => Ok(true),
            None => Ok(false),
            Some(found) => {
                OverrideError::compare(service, target, expected, found.mod_revision)?;
                Ok(false)
            }
        }
    }
}
