use std::{future::Future, time::Duration};

use hyper::rt::Executor;
use tokio_util::task::TaskTracker;

use super::write_deadline::WriteDeadline;

/// Runs the streams of connections, each in a task that ends with its connection.
#[derive(Clone, Debug)]
pub(crate) struct StreamExecutor {
    tasks: TaskTracker,
    write_deadline: Duration,
}

impl StreamExecutor {
    pub(crate) fn new(tasks: TaskTracker, write_deadline: Duration) -> Self {
        Self {
            tasks,
            write_deadline,
        }
    }
}

impl<F> Executor<F> for StreamExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        self.tasks
            .spawn(WriteDeadline::new(stream, self.write_deadline));
    }
}
