use std::time::{SystemTime, UNIX_EPOCH};

use lookaside_registry::{Claim, RegistrarError, Registration};

/// The claims of one backend: all with the secret that it has for as long as it runs.
///
/// A registration that was asked for and not answered is asked for with the same claim
/// again, so that it is one registration however often it is made. The next one gets
/// another claim: what belongs to the old one (a late deregistration, say) cannot touch it.
///
/// Their sequence starts at the time of the start in microseconds and grows by one: faster
/// than registrations are made, so that the next run starts higher. It is below 2^53 until
/// the year 2255, so that whatever reads JSON reads it as it is.
#[derive(Debug)]
pub(crate) struct Claims {
    first: u64,
    last: Option<Claim>,
    /// What the last one is for, until it is answered.
    unanswered: Option<Registration>,
}

impl Claims {
    /// The claims of a run that started then. A clock that went back makes a restarted
    /// backend wait where it shows the certificate of the run before: until that one's
    /// registration has missed its renewals.
    pub(crate) fn new(started: SystemTime) -> Self {
        let since = started.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            first: u64::try_from(since.as_micros()).unwrap_or(u64::MAX),
            last: None,
            unanswered: None,
        }
    }

    /// The claim to ask for a registration with.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(crate) fn of(&mut self, registration: &Registration) -> Result<Claim, RegistrarError> {
        let claim = match &self.last {
            None => Claim::new()?.with_sequence(Some(self.first)),
            Some(last) if self.unanswered.as_ref() == Some(registration) => last.clone(),
            Some(last) => last.another()?,
        };
        self.last = Some(claim.clone());
        self.unanswered = Some(registration.clone());
        Ok(claim)
    }

    /// The last one made a registration.
    pub(crate) fn answered(&mut self) {
        self.unanswered = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lookaside_core::BackendState;

    use super::*;

    fn registration() -> Registration {
        Registration {
            service: "orders".parse().unwrap(),
            id: "a".parse().unwrap(),
            address: "10.0.0.1:1".parse().unwrap(),
            weight: 1,
            zone: None,
            state: BackendState::Serving,
        }
    }

    fn started(after: Duration) -> Claims {
        Claims::new(UNIX_EPOCH + after)
    }

    #[test]
    fn each_claim_has_a_higher_sequence_than_any_before_over_restarts_too() {
        let mut registration = registration();
        let mut last = None;
        for run in 1..4 {
            let mut claims = started(Duration::from_millis(run));
            for weight in 0..3 {
                registration.weight = weight;
                let claim = claims.of(&registration).unwrap();
                assert!(claim.sequence() > last, "{:?}", claim.sequence());
                last = claim.sequence();
                let again = claims.of(&registration).unwrap();
                assert_eq!(again.sequence(), last, "the same request");
            }
        }
        // A clock that was never set.
        let mut claims = Claims::new(UNIX_EPOCH - Duration::from_secs(1));
        assert_eq!(claims.of(&registration).unwrap().sequence(), Some(0));
    }

    #[test]
    fn a_claim_is_repeated_until_it_is_answered_and_never_after() {
        let mut registration = registration();
        let mut claims = started(Duration::ZERO);
        let first = claims.of(&registration).unwrap();
        assert_eq!(claims.of(&registration).unwrap(), first);
        claims.answered();
        let second = claims.of(&registration).unwrap();
        assert_ne!(second.request(), first.request());
        assert_eq!(second.secret(), first.secret());
        registration.weight = 2;
        let changed = claims.of(&registration).unwrap();
        assert_ne!(
            changed.request(),
            second.request(),
            "it asks for something else"
        );
        assert_eq!(changed.secret(), first.secret());
    }
}
