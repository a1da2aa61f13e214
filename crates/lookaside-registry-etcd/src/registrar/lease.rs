use std::time::Duration;

use etcd_client::{Error, LeaseGrantOptions, LeaseTimeToLiveOptions};
use lookaside_registry::{Claim, RegistrarError, Registration};
use tonic::Code;

use super::session::Session;

/// How often a lease may turn out to be there, and then not, before a request gives up.
const ATTEMPTS: usize = 3;

/// A lease as etcd sees it.
#[derive(Clone, Debug)]
pub(super) struct LeaseState {
    pub(super) granted: Duration,
    /// Whole seconds, without the rest.
    pub(super) remaining: Duration,
    pub(super) keys: usize,
}

impl LeaseState {
    /// Whether half of its time has passed for certain. Renewals come at a third.
    pub(super) fn missed_renewal(&self) -> bool {
        self.remaining + Duration::from_secs(1) <= self.granted / 2
    }
}

/// The lease of a claim: the same for the same request, so that one that is repeated finds
/// what it has made already; and known to nobody who has not got the secret, because
/// whoever knows it can keep the registration and end it. etcd itself would count up.
pub(super) fn lease_of(claim: &Claim, registration: &Registration) -> i64 {
    let key = claim.key(&registration.service, &registration.id);
    let (head, _) = key.split_first_chunk().unwrap_or((&[0; 8], &[]));
    // Positive, as etcd's own are; 0 is none.
    (i64::from_be_bytes(*head) & i64::MAX).max(1)
}

impl Session {
    /// Grants a lease of a number of etcd's choice.
    pub(super) async fn grant_new(&self, ttl: Duration) -> Result<i64, RegistrarError> {
        let seconds = seconds(ttl);
        let granted = self.call("a lease grant", |connection| async move {
            connection.lease().grant(seconds, None).await
        });
        Ok(granted.await?.id())
    }

    /// Grants a lease, or keeps the one that is there; returns for how long. etcd may grant
    /// more than is asked: it needs a few heartbeats of its leader.
    pub(super) async fn grant(&self, id: i64, ttl: Duration) -> Result<Duration, RegistrarError> {
        let seconds = seconds(ttl);
        for _ in 0..ATTEMPTS {
            let granted = self.call("a lease grant", |connection| async move {
                let options = LeaseGrantOptions::new().with_id(id);
                match connection.lease().grant(seconds, Some(options)).await {
                    Ok(granted) => Ok(Some(granted.ttl())),
                    Err(error) if is_there(&error) => Ok(None),
                    Err(error) => Err(error),
                }
            });
            if let Some(ttl) = granted.await? {
                return Ok(whole_seconds(ttl));
            }
            // An attempt of which the answer was lost.
            if let Some(ttl) = self.keep_whole(id).await? {
                return Ok(ttl);
            }
        }
        Err(RegistrarError::Unavailable(
            "the lease comes and goes".into(),
        ))
    }

    /// Renews a lease; false: there is none.
    pub(super) async fn keep(&self, id: i64) -> Result<bool, RegistrarError> {
        let kept = self.call("a lease renewal", |connection| async move {
            match connection.lease().keep_alive(id).await {
                Ok(_) => Ok(true),
                // Only ever said of a lease that is not there.
                Err(Error::LeaseKeepAliveError(_)) => Ok(false),
                Err(error) => Err(error),
            }
        });
        kept.await
    }

    /// Renews a lease; returns for how long, or none if there is none.
    pub(super) async fn keep_whole(&self, id: i64) -> Result<Option<Duration>, RegistrarError> {
        if !self.keep(id).await? {
            return Ok(None);
        }
        Ok(self.lease(id).await?.map(|lease| lease.granted))
    }

    /// How a lease stands; none: there is none.
    pub(super) async fn lease(&self, id: i64) -> Result<Option<LeaseState>, RegistrarError> {
        let lease = self.call("a lease query", |connection| async move {
            let options = LeaseTimeToLiveOptions::new().with_keys();
            connection.lease().time_to_live(id, Some(options)).await
        });
        let lease = lease.await?;
        // etcd answers with -1 for one that is not there.
        Ok((lease.ttl() > 0).then(|| LeaseState {
            granted: whole_seconds(lease.granted_ttl()),
            remaining: whole_seconds(lease.ttl()),
            keys: lease.keys().len(),
        }))
    }

    pub(super) async fn revoke(&self, lease: i64) -> Result<(), RegistrarError> {
        let revoked = self
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

/// etcd has one code for several refusals, and this text for this one (`ErrLeaseExist` in
/// its `api/v3rpc/rpctypes`).
fn is_there(error: &Error) -> bool {
    matches!(error, Error::GRpcStatus(status)
        if status.code() == Code::FailedPrecondition
            && status.message().contains("lease already exists"))
}

/// What etcd counts a time to live in: a part of a second is a whole one.
fn seconds(ttl: Duration) -> i64 {
    let seconds = ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0);
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

fn whole_seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_is_renewed_at_a_third_of_its_time_has_missed_no_renewal() {
        for granted in 2..=60 {
            let granted = Duration::from_secs(granted);
            let lease = |passed| LeaseState {
                granted,
                // As etcd says it.
                remaining: Duration::from_secs((granted - passed).as_secs()),
                keys: 1,
            };
            let just_before = lease(granted / 2 - Duration::from_millis(1));
            assert!(!just_before.missed_renewal(), "{granted:?}");
            let later = lease((granted / 2 + Duration::from_secs(1)).min(granted));
            assert!(later.missed_renewal(), "{granted:?}");
        }
    }

    #[test]
    fn a_claim_has_one_lease_and_another_claim_another() {
        let registration = Registration {
            service: "orders".parse().unwrap(),
            id: "a".parse().unwrap(),
            address: "10.0.0.1:1".parse().unwrap(),
            weight: 1,
            zone: None,
            state: lookaside_core::BackendState::Serving,
        };
        let claim = Claim::new().unwrap();
        let lease = lease_of(&claim, &registration);
        assert!(lease > 0);
        assert_eq!(lease, lease_of(&claim, &registration));
        assert_ne!(lease, lease_of(&claim.another().unwrap(), &registration));
    }
}
