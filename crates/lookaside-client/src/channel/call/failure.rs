use std::sync::Arc;

use http::Response;
use hyper::body::Incoming;
use tonic::{Code, Status};

use crate::subchannel::InUse;

/// How an attempt failed that was not dropped.
#[cfg_attr(
    not(feature = "retry"),
    expect(dead_code, reason = "only who tries again looks at all of it")
)]
pub(super) enum Failure {
    /// The peer said so, and nothing else.
    Answer(Code, Response<Incoming>, Arc<InUse>),
    /// Its connection did, or its stream.
    Broken(Status),
    /// It came to none.
    Unsent(Status),
}

#[cfg(feature = "retry")]
impl Failure {
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Answer(code, _, connection) => format!("{}: {code:?}", connection.peer()),
            Self::Broken(status) | Self::Unsent(status) => status.message().to_owned(),
        }
    }
}
