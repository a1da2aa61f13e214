use std::net::SocketAddr;

use lookaside_proto::v1;
use tonic::Status;

/// How many backends are named to somebody who names none of them.
const NAMED: usize = 10;

/// The backend of this id, or else at this address.
///
/// # Errors
/// NOT_FOUND with those that there are; INVALID_ARGUMENT for an address that several have.
pub(super) fn find(service: &v1::Service, wanted: &str) -> Result<v1::Backend, Status> {
    let backends = &service.backends;
    if let Some(backend) = backends.iter().find(|it| it.id == wanted) {
        return Ok(backend.clone());
    }
    let address: Option<SocketAddr> = wanted.parse().ok();
    let is_there = |backend: &&v1::Backend| {
        let mut resolved = backend.resolved.iter();
        backend.address == wanted
            || resolved.any(|it| it.parse().ok() == address && address.is_some())
    };
    let found: Vec<_> = backends.iter().filter(is_there).collect();
    match &found[..] {
        [one] => Ok((*one).clone()),
        [] => {
            let known = named(backends.iter());
            let text = format!(
                "service {} has no backend {wanted:?}; it has {known}",
                service.name
            );
            Err(Status::not_found(text))
        }
        several => {
            let several = named(several.iter().copied());
            let text = format!(
                "{wanted} is the address of several backends: give the id of one of {several}"
            );
            Err(Status::invalid_argument(text))
        }
    }
}

fn named<'a>(backends: impl ExactSizeIterator<Item = &'a v1::Backend>) -> String {
    let others = backends.len().saturating_sub(NAMED);
    let ids: Vec<_> = backends.take(NAMED).map(|it| it.id.as_str()).collect();
    match (&ids[..], others) {
        ([], _) => "none".to_owned(),
        (_, 0) => ids.join(", "),
        (_, others) => format!("{}, and {others} more", ids.join(", ")),
    }
}

#[cfg(test)]
mod tests;
