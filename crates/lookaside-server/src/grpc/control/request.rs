//! What requests say, checked; an error names the field.

use std::{fmt::Display, time::Duration};

use lookaside_core::{BackendId, Drop, Drops, Override, OverrideNote, OverrideTarget, ServiceName};
use lookaside_proto::v1::{clear_override_request::Kind, set_override_request::Order};
use lookaside_registry::OverrideError;
use tonic::Status;

pub(super) fn service(name: &str) -> Result<ServiceName, Status> {
    ServiceName::new(name).map_err(|error| bad("service", error))
}

pub(super) fn order(order: Option<Order>) -> Result<Override, Status> {
    let missing = || bad("order", "expected drain_backend, weight, drops or fallback");
    Ok(match order.ok_or_else(missing)? {
        Order::DrainBackend(id) => Override::Drain(backend("drain_backend", &id)?),
        Order::Weight(it) => Override::Weight(backend("weight.backend", &it.backend)?, it.weight),
        Order::Drops(drops) => {
            let drops = drops.shares.into_iter().map(|share| Drop {
                category: share.category.into(),
                per_million: share.per_million,
            });
            Override::Drops(Drops::new(drops).map_err(|error| bad("drops", error))?)
        }
        Order::Fallback(fallback) => Override::Fallback(fallback),
    })
}

pub(super) fn target(kind: Kind, id: &str) -> Result<OverrideTarget, Status> {
    if matches!(kind, Kind::Drops | Kind::Fallback) && !id.is_empty() {
        return Err(bad("backend", "goes with DRAIN and WEIGHT only"));
    }
    Ok(match kind {
        Kind::Unspecified => return Err(bad("kind", "expected DRAIN, WEIGHT, DROPS or FALLBACK")),
        Kind::Drain => OverrideTarget::Drain(backend("backend", id)?),
        Kind::Weight => OverrideTarget::Weight(backend("backend", id)?),
        Kind::Drops => OverrideTarget::Drops,
        Kind::Fallback => OverrideTarget::Fallback,
    })
}

/// Who and why. A log that does not say who is none.
pub(super) fn note(by: &str, reason: &str) -> Result<OverrideNote, Status> {
    if by.is_empty() {
        return Err(bad("by", "expected who asks"));
    }
    let note = OverrideNote {
        by: Some(by.into()),
        reason: (!reason.is_empty()).then(|| reason.into()),
        ..OverrideNote::default()
    };
    OverrideError::check(&note, None).map_err(super::refused)?;
    Ok(note)
}

pub(super) fn ttl(ttl: Option<prost_types::Duration>) -> Result<Option<Duration>, Status> {
    ttl.map(|ttl| Duration::try_from(ttl).map_err(|error| bad("ttl", error)))
        .transpose()
}

fn backend(field: &str, id: &str) -> Result<BackendId, Status> {
    BackendId::new(id).map_err(|error| bad(field, error))
}

fn bad(field: &str, error: impl Display) -> Status {
    Status::invalid_argument(format!("{field}: {error}"))
}
