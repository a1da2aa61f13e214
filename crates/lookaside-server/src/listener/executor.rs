use std::{future::Future, sync::Arc, time::Duration};

use hyper::rt::Executor;

use super::{Connection, write_deadline::WriteDeadline};
use crate::metrics::Metrics;

/// Runs the streams of a connection, each in a task of its own. hyper ends it with its
/// connection: h2 wakes every stream of a connection that is gone, with an error.
#[derive(Clone, Debug)]
pub(crate) struct StreamExecutor {
    connection: Arc<Connection>,
    write_deadline: Duration,
    metrics: Arc<Metrics>,
}

impl StreamExecutor {
    pub(super) fn new(
        connection: Arc<Connection>,
        write_deadline: Duration,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            connection,
            write_deadline,
            metrics,
        }
    }
}

impl<F> Executor<F> for StreamExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let request = self.connection.begin_request();
        let stream = WriteDeadline::new(
            stream,
            self.write_deadline,
            request,
            Arc::clone(&self.metrics),
        );
        tokio::spawn(stream);
    }
}
