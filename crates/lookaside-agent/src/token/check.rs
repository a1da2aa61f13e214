mod builder;
mod state;

use std::sync::Arc;

use arc_swap::ArcSwap;
use http::HeaderMap;
use lookaside_core::{BackendId, KeyRing, ServiceName, TokenVerdict};

pub use self::builder::{TokenCheckBuilder, TokenCheckError};
use self::state::State;
use super::{LbTokenLayer, TokenCounts, TokenMode, TokenRefusal, counts::Counters};
use crate::{KeyFiles, KeyFollower};

/// How many tokens of one call are looked at, in one header or several. A service that
/// passes on the metadata of the calls it gets sends two, its own caller's and its own.
const MAX_TOKENS: usize = 4;

/// Checks the tokens of a backend's calls: a valid one proves that the caller got the
/// backend's address from a balancer (`docs/tokens.md`).
///
/// Cloning gives another handle of the same check. Checking a call takes well under a
/// microsecond, no lock and no allocation.
///
/// ```
/// # fn run(server: tonic::transport::Server) -> Result<(), Box<dyn std::error::Error>> {
/// use lookaside_agent::{Agent, KeyFiles, TokenCheck, TokenMode};
///
/// let agent = Agent::builder("orders", "10.0.0.5:50051");
/// let files = KeyFiles::new(["file:/etc/lookaside/token.key".parse()?]);
/// let check = TokenCheck::builder()
///     .backend(agent.identity()?)
///     .keys(files.read()?)
///     .mode(TokenMode::RejectInvalid)
///     .build()?;
/// let server = server.layer(check.layer());
/// // For as long as the backend serves:
/// let follower = check.follow(files);
/// println!("{} calls with an invalid token", check.counts().invalid());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TokenCheck(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    mode: TokenMode,
    own: Vec<(ServiceName, BackendId)>,
    /// gRPC services whose calls are not checked.
    exempt: Vec<String>,
    counters: Counters,
    state: ArcSwap<State>,
}

impl TokenCheck {
    /// Describes a check.
    pub fn builder() -> TokenCheckBuilder {
        TokenCheckBuilder::default()
    }

    /// A tower layer that lets no call pass that the check refuses.
    pub fn layer(&self) -> LbTokenLayer {
        LbTokenLayer::new(self.clone())
    }

    /// What becomes of calls.
    pub fn mode(&self) -> TokenMode {
        self.0.mode
    }

    /// The keys in force.
    pub fn keys(&self) -> Option<KeyRing> {
        self.0.state.load().keys().cloned()
    }

    /// Verifies with these keys from the next call on.
    pub fn set_keys(&self, keys: KeyRing) {
        let keys = Some(keys);
        self.0
            .state
            .rcu(|state| state.with_keys(keys.clone(), &self.0.own));
    }

    /// Verifies with what these files say, now and after every change of theirs, until
    /// what it returns is dropped. Must be called within a tokio runtime.
    #[must_use = "dropping it ends it"]
    pub fn follow(&self, files: KeyFiles) -> KeyFollower {
        let check = self.clone();
        files.follow(self.keys(), move |keys| check.set_keys(keys))
    }

    /// Counts one call, to `path` (`/package.Service/Method`) with these headers, and
    /// decides on it.
    ///
    /// # Errors
    /// Why it is to be refused, by the check's mode.
    pub fn admit(&self, path: &str, headers: &HeaderMap) -> Result<(), TokenRefusal> {
        let shared = &*self.0;
        if shared.is_exempt(path) {
            shared.counters.exempt();
            return Ok(());
        }
        let verdict = {
            let state = shared.state.load();
            let verdict = state.verdict(headers);
            if let Some(TokenVerdict::Valid { key }) = verdict {
                state.count_key(key);
            }
            verdict
        };
        shared.counters.verdict(verdict);
        let refusal = match (shared.mode, verdict) {
            (TokenMode::Observe, _)
            | (TokenMode::RejectInvalid, None)
            | (_, Some(TokenVerdict::Valid { .. } | TokenVerdict::Unverified)) => return Ok(()),
            (TokenMode::Require, None) => TokenRefusal::Missing,
            (_, Some(TokenVerdict::Invalid(fault))) => TokenRefusal::Invalid(fault),
        };
        shared.counters.refused();
        Err(refusal)
    }

    /// What the tokens among these headers say; `None` if there is none. Counts nothing.
    pub fn verdict(&self, headers: &HeaderMap) -> Option<TokenVerdict> {
        self.0.state.load().verdict(headers)
    }

    /// The counts so far.
    pub fn counts(&self) -> TokenCounts {
        self.0.counters.read(self.0.state.load().counts())
    }
}

impl Shared {
    fn is_exempt(&self, path: &str) -> bool {
        let method = path.strip_prefix('/').unwrap_or(path);
        self.exempt.iter().any(|service| {
            let rest = method.strip_prefix(service.as_str());
            rest.is_some_and(|rest| rest.starts_with('/'))
        })
    }
}

#[cfg(test)]
mod tests;
