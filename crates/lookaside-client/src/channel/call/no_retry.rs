use http::Response;
use hyper::body::Incoming;
use tonic::Code;

use super::{Call, Failure};

/// Without feature `retry` every failure is final.
impl Call {
    #[expect(clippy::unused_self, reason = "as with feature `retry`")]
    pub(super) fn failure_in(&self, _: &Response<Incoming>) -> Option<Code> {
        None
    }

    #[expect(clippy::unused_async, reason = "as with feature `retry`")]
    pub(super) async fn try_again(&mut self, failure: Failure) -> Result<(), Failure> {
        Err(failure)
    }
}
