use std::sync::Arc;

use arc_swap::ArcSwap;
use lookaside_core::{BackendId, KeyRing, ServiceName};

use super::{Shared, State, TokenCheck};
use crate::token::{TokenMode, counts::Counters};

/// Who checks whether a backend is well has no list, and a backend that refuses to say
/// would be taken for dead.
const HEALTH: &str = "grpc.health.v1.Health";

/// Why a check cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenCheckError {
    /// Without a key every token would be refused.
    #[error(
        "token mode {mode} needs a key: without one a token proves nothing, only observe is possible"
    )]
    NoKeys {
        /// The mode.
        mode: TokenMode,
    },
    /// Every token would be another backend's.
    #[error("whose tokens are to be checked? Name the backend: its service and its id")]
    NoBackend,
}

/// Describes a check; see [`TokenCheck::builder`].
#[derive(Clone, Debug)]
pub struct TokenCheckBuilder {
    own: Vec<(ServiceName, BackendId)>,
    keys: Option<KeyRing>,
    mode: TokenMode,
    exempt: Vec<String>,
}

impl Default for TokenCheckBuilder {
    fn default() -> Self {
        Self {
            own: Vec::new(),
            keys: None,
            mode: TokenMode::default(),
            exempt: vec![HEALTH.to_owned()],
        }
    }
}

impl TokenCheckBuilder {
    /// A backend whose calls are checked, by service and id as it is registered
    /// ([`AgentBuilder::identity`](crate::AgentBuilder::identity)). One that is registered
    /// for several services, or by several ids, has each of them.
    #[must_use]
    pub fn backend(mut self, identity: (ServiceName, BackendId)) -> Self {
        self.own.push(identity);
        self
    }

    /// The keys that balancers sign with, and those they may sign with during a change of
    /// keys. Default: none, and only [`TokenMode::Observe`] is possible.
    #[must_use]
    pub fn keys(mut self, keys: KeyRing) -> Self {
        self.keys = Some(keys);
        self
    }

    /// What becomes of calls. Default: [`TokenMode::Observe`].
    #[must_use]
    pub fn mode(mut self, mode: TokenMode) -> Self {
        self.mode = mode;
        self
    }

    /// gRPC services, such as `grpc.reflection.v1.ServerReflection`, whose calls pass
    /// unchecked, beside those that are exempt already. `grpc.health.v1.Health` is from
    /// the start: balancers and orchestrators ask for it, and have no list.
    #[must_use]
    pub fn exempt(mut self, services: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.exempt.extend(services.into_iter().map(Into::into));
        self
    }

    /// Calls to no service at all pass unchecked, not even for health.
    #[must_use]
    pub fn no_exemptions(mut self) -> Self {
        self.exempt.clear();
        self
    }

    /// The check. Logs that fallback is impossible where the mode makes it so.
    ///
    /// # Errors
    /// When the mode needs a key and there is none, or no backend is named.
    pub fn build(self) -> Result<TokenCheck, TokenCheckError> {
        if self.own.is_empty() {
            return Err(TokenCheckError::NoBackend);
        }
        if self.keys.is_none() && self.mode != TokenMode::Observe {
            return Err(TokenCheckError::NoKeys { mode: self.mode });
        }
        if self.mode == TokenMode::Require {
            tracing::warn!(
                "token mode require: calls without a token are refused, so that fallback is \
                 impossible: clients that lose their balancers cannot call this backend"
            );
        }
        Ok(TokenCheck(Arc::new(Shared {
            state: ArcSwap::from_pointee(State::new(self.keys, &self.own)),
            mode: self.mode,
            own: self.own,
            exempt: self.exempt,
            counters: Counters::default(),
        })))
    }
}
