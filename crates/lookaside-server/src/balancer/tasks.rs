use std::{collections::HashMap, future::Future, sync::Arc};

use tokio::{
    sync::watch,
    task::{Id, JoinSet},
};

use crate::Readiness;

/// The tasks that a balancer cannot do without. Dropping them ends them.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    running: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

impl Tasks {
    /// Begins one; `name` says what is missing without it.
    pub(crate) fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let task = self.running.spawn(task);
        self.names.insert(task.id(), name);
    }

    /// Waits for their ends, and reports each that panicked: what a balancer goes on
    /// serving without it is out of date, and nobody would notice.
    pub(super) async fn supervise(mut self, readiness: watch::Sender<Readiness>) {
        while let Some(ended) = self.running.join_next_with_id().await {
            // One that returns had nothing left to do.
            let Err(error) = ended else { continue };
            let task = self.names.get(&error.id()).copied().unwrap_or("unknown");
            tracing::error!(%task, %error, "an essential task has failed; the lists are served as they are");
            let reason: Arc<str> = format!("the {task} task has failed: {error}").into();
            Readiness::Failed(reason).report(&readiness);
        }
    }
}

#[cfg(test)]
mod tests;
