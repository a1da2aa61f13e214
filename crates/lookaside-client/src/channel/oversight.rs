use bytes::Bytes;
use http::HeaderMap;
use tonic::{Code, Status};

use super::call_guard::CallGuard;

#[cfg(feature = "service-config")]
use super::message_limit::MessageLimit;
#[cfg(feature = "retry")]
use super::retry_verdict::RetryVerdict;

/// Who watches a response until its end, and is told of it once.
#[derive(Debug, Default)]
pub(super) struct Oversight {
    pub(super) guard: Option<CallGuard>,
    #[cfg(feature = "service-config")]
    pub(super) limit: Option<MessageLimit>,
    #[cfg(feature = "retry")]
    pub(super) verdict: Option<RetryVerdict>,
}

impl Oversight {
    /// More of the body.
    ///
    /// # Errors
    /// It must not be passed on.
    #[cfg_attr(
        not(feature = "service-config"),
        expect(
            clippy::unnecessary_wraps,
            clippy::unused_self,
            reason = "nothing to check"
        )
    )]
    pub(super) fn data(&mut self, _data: &Bytes) -> Result<(), Status> {
        #[cfg(feature = "service-config")]
        if let Some(limit) = &mut self.limit {
            limit.check(_data, "response")?;
        }
        Ok(())
    }

    /// It ended as the peer says here.
    pub(super) fn trailers(mut self, trailers: &HeaderMap) {
        #[cfg(feature = "retry")]
        if let Some(verdict) = &self.verdict {
            verdict.ended(super::status::grpc_status(trailers).unwrap_or(Code::Unknown));
        }
        if let Some(guard) = &mut self.guard {
            guard.trailers(trailers);
        }
    }

    /// It ended with this status, and the peer did not say so.
    pub(super) fn failed(mut self, code: Code) {
        #[cfg(feature = "retry")]
        if let Some(verdict) = &self.verdict {
            verdict.ended(code);
        }
        if let Some(guard) = &mut self.guard {
            guard.failed(code);
        }
    }

    /// It ended without another word.
    pub(super) fn ended(mut self) {
        #[cfg(feature = "retry")]
        if let Some(verdict) = &self.verdict {
            verdict.ended(Code::Unknown);
        }
        if let Some(guard) = &mut self.guard {
            guard.ended();
        }
    }
}
