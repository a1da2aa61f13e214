use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{sync::Notify, task::JoinHandle};

use super::{Resolver, ResolverController, ResolverUpdate};
use crate::WorkScheduler;

/// A resolver that looks in a task of its own, which ends with it.
pub(super) struct TaskResolver {
    found: Arc<Mutex<Option<ResolverUpdate>>>,
    wishes: Arc<Notify>,
    task: JoinHandle<()>,
}

/// The task's end of it.
pub(super) struct Outlet {
    found: Arc<Mutex<Option<ResolverUpdate>>>,
    wishes: Arc<Notify>,
    work: WorkScheduler,
    last: Option<ResolverUpdate>,
}

impl TaskResolver {
    /// Runs `look` on the current runtime.
    pub(super) fn spawn<F>(work: WorkScheduler, look: impl FnOnce(Outlet) -> F) -> Box<dyn Resolver>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let found = Arc::default();
        let wishes = Arc::default();
        let outlet = Outlet {
            found: Arc::clone(&found),
            wishes: Arc::clone(&wishes),
            work,
            last: None,
        };
        let task = tokio::spawn(look(outlet));
        Box::new(Self {
            found,
            wishes,
            task,
        })
    }
}

impl Drop for TaskResolver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Resolver for TaskResolver {
    fn resolve_now(&mut self) {
        self.wishes.notify_one();
    }

    fn work(&mut self, controller: &mut dyn ResolverController) {
        let update = self
            .found
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(update) = update {
            controller.update(update);
        }
    }
}

impl Outlet {
    /// Hands over what is known, if that is new.
    pub(super) fn publish(&mut self, update: ResolverUpdate) {
        if self.last.as_ref() == Some(&update) {
            return;
        }
        self.last = Some(update.clone());
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(update);
        self.work.schedule_work();
    }

    /// Somebody wishes that it look again. Many wishes are one.
    pub(super) async fn wished(&self) {
        self.wishes.notified().await;
    }
}
