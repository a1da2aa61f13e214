//! The audit log: a line for every order, refused ones too. `docs/security.md` names the
//! fields.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lookaside_core::OverrideTarget;
use tokio::time::Instant;
use tonic::{Code, Request, Status};

use crate::access::Peer;

/// The target of the lines, for whoever keeps them apart.
pub(super) const TARGET: &str = "lookaside::audit";

/// What of a text is logged: whoever may not order anything must not fill the log either.
const MAX_TEXT: usize = 255;

/// So many orders of peers that may give none are logged in [`WINDOW`]; the others are
/// counted.
const DENIED: u32 = 20;
const WINDOW: Duration = Duration::from_secs(10);

/// One order, as much as is known of it.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// What is to be done: the method, as people write it.
    order: &'static str,
    peer: String,
    identity: Option<String>,
    by: String,
    reason: String,
    pub(super) service: String,
    pub(super) kind: &'static str,
    pub(super) backend: String,
    pub(super) value: String,
    pub(super) ttl: Option<Duration>,
    pub(super) revision: Option<i64>,
    pub(super) warning: String,
}

impl Order {
    /// One that has come in.
    pub(super) fn new<T>(order: &'static str, request: &Request<T>, by: &str, why: &str) -> Self {
        let peer = request.extensions().get::<Arc<Peer>>();
        let address = peer.and_then(|it| it.address());
        Self {
            order,
            peer: address.map_or_else(|| "unknown".to_owned(), |it| it.to_string()),
            identity: peer.and_then(|it| it.identity()).map(|it| it.to_string()),
            by: by.to_owned(),
            reason: why.to_owned(),
            ..Self::default()
        }
    }
}

impl Order {
    /// Of which override.
    pub(super) fn about(&mut self, target: &OverrideTarget) {
        self.kind = target.kind();
        self.backend = target
            .backend()
            .map_or_else(String::new, ToString::to_string);
        if let Some(place) = target.place() {
            self.value = place.name();
        }
    }
}

/// Writes the audit log.
#[derive(Debug, Default)]
pub(super) struct Audit(Mutex<Denied>);

/// Orders of peers that may give none.
#[derive(Debug, Default)]
struct Denied {
    window: Option<Instant>,
    logged: u32,
    kept_back: u64,
}

impl Audit {
    /// Puts on record how an order ended.
    pub(super) fn close<T>(&self, order: &Order, result: &Result<T, Status>, done: &str) {
        let refusal = result.as_ref().err();
        let mut kept_back = None;
        if refusal.is_some_and(|it| it.code() == Code::PermissionDenied) {
            match self.pass(Instant::now()) {
                Some(0) => {}
                Some(others) => kept_back = Some(others),
                None => return,
            }
        }
        self.line(
            order,
            refusal.map_or(done, |_| "refused"),
            refusal,
            kept_back,
        );
    }

    /// Puts on record that an order that takes a while has begun.
    pub(super) fn line(
        &self,
        order: &Order,
        outcome: &str,
        refusal: Option<&Status>,
        kept_back: Option<u64>,
    ) {
        // Quoted, as texts are: what a request says cannot forge another line.
        tracing::info!(
            target: TARGET,
            order = order.order,
            outcome,
            peer = &*order.peer,
            identity = order.identity.as_deref().map(cut),
            by = some(&order.by),
            service = some(&order.service),
            kind = some(order.kind),
            backend = some(&order.backend),
            value = some(&order.value),
            ttl = order.ttl.map(|it| it.as_secs_f64()),
            reason = some(&order.reason),
            revision = order.revision,
            warning = some(&order.warning),
            code = refusal.map(|it| tracing::field::debug(it.code())),
            error = refusal.map(|it| cut(it.message())),
            kept_back,
            "control"
        );
    }

    /// Whether to log an order of a peer that may give none, and how many were kept back
    /// since the last.
    fn pass(&self, now: Instant) -> Option<u64> {
        let mut denied = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if denied.window.is_none_or(|begun| now >= begun + WINDOW) {
            denied.window = Some(now);
            denied.logged = 0;
        }
        if denied.logged == DENIED {
            denied.kept_back += 1;
            return None;
        }
        denied.logged += 1;
        Some(std::mem::take(&mut denied.kept_back))
    }
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then(|| cut(text))
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}

#[cfg(test)]
mod tests;
