use std::{future::Future, time::Duration};

use hyper::rt::Executor;

use super::write_deadline::WriteDeadline;

/// Runs the streams of connections, each in a task of its own. hyper ends it with its
/// connection: h2 wakes every stream of a connection that is gone, with an error.
#[derive(Clone, Debug)]
pub(crate) struct StreamExecutor {
    write_deadline: Duration,
}

impl StreamExecutor {
    pub(crate) fn new(write_deadline: Duration) -> Self {
        Self { write_deadline }
    }
}

impl<F> Executor<F> for StreamExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        tokio::spawn(WriteDeadline::new(stream, self.write_deadline));
    }
}
