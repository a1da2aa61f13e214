//! Whether the backend behind a connection says that it serves (client-side health checks,
//! A17).

#[cfg(feature = "health")]
mod stream;

use std::{convert::Infallible, fmt, future::Future, pin::Pin, sync::Arc};

use tokio::sync::watch;

use super::direct::Direct;

/// What is known of the health of the backend behind a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Health {
    /// Nobody checks it: to be connected is enough.
    #[default]
    Unchecked,
    /// It was asked over this connection, and has not answered yet.
    Pending,
    /// It serves, or does not know the question: a server without the health service counts
    /// as healthy.
    Serving,
    /// It says that it does not serve, or the answers ended.
    NotServing,
}

/// What to ask subchannels, and how.
#[derive(Clone)]
pub(crate) struct HealthCheck {
    service: Arc<str>,
    start: fn(Direct, Arc<str>, watch::Sender<HealthReport>) -> Answers,
}

type Answers = Pin<Box<dyn Future<Output = Infallible> + Send>>;

/// The newest answer, and why it is no better.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct HealthReport {
    pub(super) health: Health,
    pub(super) why: Option<Arc<str>>,
}

/// The question, under way on one connection. It is asked as long as this is polled.
pub(super) struct HealthWatch {
    check: HealthCheck,
    answers: Answers,
    report: watch::Receiver<HealthReport>,
}

impl HealthCheck {
    /// Begins to ask over a connection.
    pub(super) fn start(&self, direct: Direct) -> HealthWatch {
        let (sender, report) = watch::channel(HealthReport {
            health: Health::Pending,
            why: None,
        });
        HealthWatch {
            check: self.clone(),
            answers: (self.start)(direct, Arc::clone(&self.service), sender),
            report,
        }
    }
}

impl PartialEq for HealthCheck {
    fn eq(&self, other: &Self) -> bool {
        self.service == other.service
    }
}

impl fmt::Debug for HealthCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HealthCheck").field(&self.service).finish()
    }
}

impl HealthWatch {
    pub(super) fn check(&self) -> &HealthCheck {
        &self.check
    }

    /// The newest answer.
    pub(super) fn report(&self) -> HealthReport {
        self.report.borrow().clone()
    }

    /// Waits for another answer. Nothing is lost when the future is dropped.
    pub(super) async fn changed(&mut self) {
        tokio::select! {
            biased;
            // Does not end before its sender is gone.
            Ok(()) = self.report.changed() => {}
            never = &mut self.answers => match never {},
        }
    }
}
