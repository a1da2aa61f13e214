use std::sync::Arc;

use tonic::Code;

use crate::service_config::{RetryPolicy, RetryThrottle};

/// Tells a channel's bucket of tokens how a call ended that is not tried again any more.
///
/// Successes count of all calls, failures of those with a retry policy: it says which codes
/// are failures of the service (A6).
#[derive(Clone, Debug)]
pub(super) struct RetryVerdict {
    pub(super) throttle: Arc<RetryThrottle>,
    pub(super) policy: Option<Arc<RetryPolicy>>,
}

impl RetryVerdict {
    /// By an answer without a body, whose failure has been counted as one of an attempt.
    pub(super) fn answered(&self, code: Code) {
        if code == Code::Ok {
            self.throttle.succeeded();
        }
    }

    /// By the end of an answer.
    pub(super) fn ended(&self, code: Code) {
        let counts = |policy: &Arc<RetryPolicy>| policy.is_retryable(code);
        if code == Code::Ok {
            self.throttle.succeeded();
        } else if self.policy.as_ref().is_some_and(counts) {
            self.throttle.failed();
        }
    }
}
