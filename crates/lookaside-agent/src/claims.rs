use lookaside_registry::{Claim, RegistrarError, Registration};

/// The claims of one backend: all with the secret that it has for as long as it runs.
///
/// A registration that was asked for and not answered is asked for with the same claim
/// again, so that it is one registration however often it is made. The next one gets
/// another claim: what belongs to the old one (a late deregistration, say) cannot touch it.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    last: Option<Claim>,
    /// What the last one is for, until it is answered.
    unanswered: Option<Registration>,
}

impl Claims {
    /// The claim to ask for a registration with.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(crate) fn of(&mut self, registration: &Registration) -> Result<Claim, RegistrarError> {
        let claim = match &self.last {
            None => Claim::new()?,
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
    use lookaside_core::BackendState;

    use super::*;

    #[test]
    fn a_claim_is_repeated_until_it_is_answered_and_never_after() {
        let mut registration = Registration {
            service: "orders".parse().unwrap(),
            id: "a".parse().unwrap(),
            address: "10.0.0.1:1".parse().unwrap(),
            weight: 1,
            zone: None,
            state: BackendState::Serving,
        };
        let mut claims = Claims::default();
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
