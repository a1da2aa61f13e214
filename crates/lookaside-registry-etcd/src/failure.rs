use std::{error::Error as _, time::Duration};

use etcd_client::Error;
use lookaside_registry::reflector::{Failure, FailureKind};
use tonic::{Code, Status};

/// What an error of etcd-client means to a reflector. The crate has no typed etcd
/// errors: the gRPC code and, where one code has several meanings, the text decide.
pub(crate) fn classify(member: &str, error: &Error) -> Failure {
    let kind = match error {
        // tonic, on the receiving side.
        Error::GRpcStatus(status)
            if status.code() == Code::OutOfRange && status.message().contains("too large") =>
        {
            FailureKind::TooLarge
        }
        // "required revision has been compacted" or "is a future revision".
        Error::GRpcStatus(status) if status.code() == Code::OutOfRange => FailureKind::Revision,
        // A proxy's limit on what it passes on.
        Error::GRpcStatus(status)
            if status.code() == Code::ResourceExhausted
                && status.message().contains("larger than max") =>
        {
            FailureKind::TooLarge
        }
        _ => FailureKind::Unavailable,
    };
    Failure {
        kind,
        reason: format!("{member}: {}", describe(error)).into(),
    }
}

/// No answer in time.
pub(crate) fn overdue(member: &str, what: &str, waited: Duration) -> Failure {
    Failure::unavailable(format!("{member}: no answer to {what} within {waited:?}"))
}

/// An error in one line, down to its cause.
pub(crate) fn describe(error: &Error) -> String {
    match error {
        Error::GRpcStatus(status) => describe_status(status),
        Error::TransportError(error) => chain(error.to_string(), error.source()),
        other => other.to_string(),
    }
}

fn describe_status(status: &Status) -> String {
    chain(
        format!("{:?}: {}", status.code(), status.message()),
        status.source(),
    )
}

/// Appends the root cause, unless the text already ends in it.
fn chain(text: String, mut source: Option<&(dyn std::error::Error + 'static)>) -> String {
    let mut root = None;
    while let Some(error) = source {
        root = Some(error.to_string());
        source = error.source();
    }
    match root {
        Some(root) if !text.contains(&root) => format!("{text}: {root}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: Status) -> FailureKind {
        classify("m:1", &Error::GRpcStatus(status)).kind
    }

    #[test]
    fn one_code_with_two_meanings_is_told_apart() {
        let too_large =
            "Error, decoded message length too large: found 5 bytes, the limit is: 4 bytes";
        assert_eq!(kind(Status::out_of_range(too_large)), FailureKind::TooLarge);
        let compacted = "etcdserver: mvcc: required revision has been compacted";
        assert_eq!(kind(Status::out_of_range(compacted)), FailureKind::Revision);
        let proxy = "grpc: received message larger than max (5 vs. 4)";
        assert_eq!(
            kind(Status::resource_exhausted(proxy)),
            FailureKind::TooLarge
        );
        let busy = "etcdserver: too many requests";
        assert_eq!(
            kind(Status::resource_exhausted(busy)),
            FailureKind::Unavailable
        );
    }

    #[test]
    fn an_error_names_the_member_and_the_cause() {
        let failure = classify("m:1", &Error::GRpcStatus(Status::unavailable("no leader")));
        assert_eq!(&*failure.reason, "m:1: Unavailable: no leader");
    }
}
