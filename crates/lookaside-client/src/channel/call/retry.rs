use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Response};
use hyper::body::Incoming;
use tokio::time::sleep;
use tonic::Code;

use super::{Call, Failure, Progress};
use crate::{
    channel::{retry_verdict::RetryVerdict, status},
    service_config::{RetryPolicy, RetryThrottle},
};

/// How many attempts came before this one (A6).
const PREVIOUS_ATTEMPTS: HeaderName = HeaderName::from_static("grpc-previous-rpc-attempts");

/// The server's own word on when to try again, in milliseconds (A6).
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// What is known of a call's attempts.
#[derive(Debug, Default)]
pub(super) struct Retry {
    policy: Option<Arc<RetryPolicy>>,
    throttle: Option<Arc<RetryThrottle>>,
    /// How many have failed.
    failed: u32,
    /// How many waits in a row were not the server's choice.
    backoffs: u32,
}

/// What the server said of trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pushback {
    Nothing,
    After(Duration),
    Never,
}

impl Pushback {
    /// What cannot be read says never (A6).
    fn read(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(PUSHBACK).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Nothing,
            (Some(value), None) => {
                let millis = value
                    .to_str()
                    .ok()
                    .and_then(|text| text.parse::<i32>().ok());
                let millis = millis.and_then(|millis| u64::try_from(millis).ok());
                millis.map_or(Self::Never, |millis| {
                    Self::After(Duration::from_millis(millis))
                })
            }
            (Some(_), Some(_)) => Self::Never,
        }
    }
}

impl Retry {
    pub(super) fn configure(
        &mut self,
        policy: Option<&Arc<RetryPolicy>>,
        throttle: Option<&Arc<RetryThrottle>>,
    ) {
        self.policy = policy.cloned();
        self.throttle = throttle.cloned();
    }

    /// What is left to say when the response has begun.
    pub(super) fn verdict(&mut self) -> Option<RetryVerdict> {
        let policy = self.policy.take();
        let throttle = self.throttle.take()?;
        Some(RetryVerdict { throttle, policy })
    }

    /// An attempt failed: how long to wait before the next one, if there is to be one.
    fn next(
        &mut self,
        code: Code,
        pushback: Pushback,
        rng: &mut fastrand::Rng,
    ) -> Option<Duration> {
        let policy = self.policy.as_ref()?;
        let retryable = policy.is_retryable(code);
        if !retryable && pushback != Pushback::Never {
            return None;
        }
        self.failed += 1;
        // First, so that failures count that are not tried again for other reasons.
        let throttled = self
            .throttle
            .as_ref()
            .is_some_and(|throttle| !throttle.failed());
        if throttled || !retryable || self.failed >= policy.max_attempts {
            return None;
        }
        match pushback {
            Pushback::Never => None,
            Pushback::After(wait) => {
                self.backoffs = 0;
                Some(wait)
            }
            Pushback::Nothing => {
                self.backoffs += 1;
                Some(policy.backoff(self.backoffs, rng))
            }
        }
    }
}

impl Call {
    /// The failure that a response is without a word of its own: then nothing is committed
    /// yet. None for all others, and where no one would try again.
    pub(super) fn failure_in(&self, response: &Response<Incoming>) -> Option<Code> {
        self.retry.policy.as_ref()?;
        let code = status::grpc_status(response.headers())
            .or_else(|| status::from_http(response.status()))?;
        (code != Code::Ok).then_some(code)
    }

    /// Waits and has the request to send again; or gives the failure back, if it is final.
    pub(super) async fn try_again(&mut self, failure: Failure) -> Result<(), Failure> {
        if self.retry.policy.is_none() {
            return Err(failure);
        }
        let (code, pushback) = match &failure {
            Failure::Answer(code, response, _) => (*code, Pushback::read(response.headers())),
            Failure::Broken(status) | Failure::Unsent(status) => (status.code(), Pushback::Nothing),
        };
        let Some(wait) = self.retry.next(code, pushback, &mut fastrand::Rng::new()) else {
            return Err(failure);
        };
        if self.request.is_none() {
            self.request = self.replay.again();
        }
        let Some(mut request) = self.request.take() else {
            // More of it was sent than is kept: it is committed.
            return Err(failure);
        };
        let why = failure.describe();
        tracing::debug!(why, ?wait, "attempt failed, trying again");
        self.end_attempt(&failure);
        drop(failure);
        let attempts = HeaderValue::from(self.retry.failed);
        request.headers_mut().insert(PREVIOUS_ATTEMPTS, attempts);
        self.request = Some(request);
        self.progress = Progress::Waiting(why);
        {
            let _waiting = self.inner.shared.activity.wait();
            sleep(wait).await;
        }
        self.progress = Progress::Queued(None);
        Ok(())
    }

    /// Balancers and trackers take the next attempt for a call of its own, as those of the
    /// stock clients do: it is picked, and may be dropped, like any other.
    fn end_attempt(&mut self, failure: &Failure) {
        if let Some(mut guard) = self.guard.take() {
            match failure {
                Failure::Answer(code, response, _) => {
                    guard.received(response.headers());
                    guard.failed(*code);
                }
                Failure::Broken(status) | Failure::Unsent(status) => {
                    guard.failed(status.code());
                }
            }
        }
        self.admitted = false;
        self.delayed = true;
    }
}

#[cfg(test)]
mod tests;
