use tokio::time::{Instant, timeout_at};
use tonic::Status;

use super::{Call, Progress};
use crate::{
    PickArgs, PickResult, channel::message_limit::MessageLimit, service_config::MethodConfig,
};

impl Call {
    /// Waits for a service config: what one asks for holds from a channel's first call on.
    pub(super) async fn await_config_in_time(&mut self) -> Result<(), Status> {
        let Some(deadline) = self.deadline else {
            return self.await_config().await;
        };
        let result = timeout_at(deadline, self.await_config()).await;
        result.unwrap_or_else(|_| Err(self.deadline_exceeded()))
    }

    /// Until the resolver has found something. What fails calls until then fails this one,
    /// unless it waits for ready.
    async fn await_config(&mut self) -> Result<(), Status> {
        self.delayed = true;
        while let Some(version) = self.look_at_picker()? {
            let _waiting = self.inner.shared.activity.wait();
            self.inner.shared.newer_than(version).await;
        }
        Ok(())
    }

    /// The picker's version, if there is no config yet and the picker does not fail the call.
    /// (It also wakes an idle channel.)
    fn look_at_picker(&mut self) -> Result<Option<u64>, Status> {
        let published = self.inner.shared.published();
        // Only now: the config is there before any picker that could take this for a call.
        if self.apply_config() {
            return Ok(None);
        }
        let Some(request) = &self.request else {
            return Ok(None);
        };
        let args = PickArgs::new(request.uri().path(), request.headers());
        let why = match published.state.picker.pick(&args) {
            PickResult::Fail(error) if self.wait_for_ready => Some(error),
            PickResult::Fail(error) | PickResult::Drop(error) => {
                return Err(Status::unavailable(error.message()));
            }
            PickResult::Queue | PickResult::Pick(_) => published.state.last_error.clone(),
        };
        self.progress = Progress::Queued(why);
        Ok(Some(published.version))
    }

    /// Does what the service config says of the call; says whether there is one.
    pub(super) fn apply_config(&mut self) -> bool {
        let config = self.inner.shared.config.load();
        let Some(config) = &*config else {
            return false;
        };
        let path = self.request.as_ref().map_or("", |it| it.uri().path());
        let method = config.methods.find(path);
        if let Some(method) = method {
            self.apply_method(method);
        }
        #[cfg(feature = "retry")]
        self.retry.configure(
            method.and_then(|method| method.retry.as_ref()),
            config.throttle.as_ref(),
        );
        true
    }

    fn apply_method(&mut self, method: &MethodConfig) {
        let at = method
            .timeout
            .and_then(|limit| self.began.checked_add(limit));
        if let Some(at) = at
            && self.deadline.is_none_or(|deadline: Instant| at < deadline)
        {
            self.deadline = Some(at);
            // The headers do not say so yet.
            self.delayed = true;
        }
        if let (false, Some(wait)) = (self.said_wait, method.wait_for_ready) {
            self.wait_for_ready = wait;
        }
        if let Some(max) = method.max_request {
            self.replay.limit_messages(MessageLimit::new(max));
        }
        self.response_limit = method.max_response.map(MessageLimit::new);
    }
}
