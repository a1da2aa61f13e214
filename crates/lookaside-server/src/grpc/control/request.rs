//! What requests say, checked; an error names the field.

use std::{fmt::Display, time::Duration};

use lookaside_core::{
    BackendId, Drop, Drops, Override, OverrideNote, OverrideTarget, Place, ServiceName,
};
use lookaside_proto::v1::{clear_override_request::Kind, set_override_request::Order};
use lookaside_registry::OverrideError;
use tonic::Status;

use crate::{Permission::Control, access::Peer};

pub(super) fn service(name: &str) -> Result<ServiceName, Status> {
    ServiceName::new(name).map_err(|error| bad("service", error))
}

pub(super) fn order(order: Option<Order>) -> Result<Override, Status> {
    let missing = || {
        let expected =
            "expected drain_backend, weight, drops, fallback, cordon_host or cordon_zone";
        bad("order", expected)
    };
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
        Order::CordonHost(text) => Override::Cordon(host("cordon_host", &text)?),
        Order::CordonZone(text) => Override::Cordon(zone("cordon_zone", &text)?),
    })
}

/// Whether an order is of all services.
pub(super) fn is_of_all(order: Option<&Order>) -> bool {
    matches!(order, Some(Order::CordonHost(_) | Order::CordonZone(_)))
}

/// As [`is_of_all`], of one that is to end.
pub(super) fn ends_for_all(kind: Kind) -> bool {
    matches!(kind, Kind::CordonHost | Kind::CordonZone)
}

/// Whom an order is for, if this peer may give it.
pub(super) fn service_for(peer: &Peer, name: &str, is_of_all: bool) -> Result<ServiceName, Status> {
    let all = ServiceName::all();
    if !is_of_all {
        let service = service(name)?;
        peer.check(Control, service.as_str())?;
        return Ok(service);
    }
    if !name.is_empty() && name != all.as_str() {
        return Err(bad(
            "service",
            "a cordon is of all services: leave it empty",
        ));
    }
    peer.check_all(Control)?;
    Ok(all)
}

pub(super) fn target(kind: Kind, id: &str, place: &str) -> Result<OverrideTarget, Status> {
    if !matches!(kind, Kind::Drain | Kind::Weight) && !id.is_empty() {
        return Err(bad("backend", "goes with DRAIN and WEIGHT only"));
    }
    if !ends_for_all(kind) && !place.is_empty() {
        return Err(bad("place", "goes with CORDON_HOST and CORDON_ZONE only"));
    }
    Ok(match kind {
        Kind::Unspecified => {
            let expected = "expected DRAIN, WEIGHT, DROPS, FALLBACK, CORDON_HOST or CORDON_ZONE";
            return Err(bad("kind", expected));
        }
        Kind::CordonHost => OverrideTarget::Cordon(host("place", place)?),
        Kind::CordonZone => OverrideTarget::Cordon(zone("place", place)?),
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

fn host(field: &str, text: &str) -> Result<Place, Status> {
    Place::host(text).map_err(|error| bad(field, error))
}

fn zone(field: &str, text: &str) -> Result<Place, Status> {
    Place::zone(text).map_err(|error| bad(field, error))
}

fn bad(field: &str, error: impl Display) -> Status {
    Status::invalid_argument(format!("{field}: {error}"))
}

#[cfg(test)]
mod tests;
