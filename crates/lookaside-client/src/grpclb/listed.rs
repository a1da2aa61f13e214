use std::sync::Arc;

use super::{
    child::Child,
    fallback::Health,
    list::List,
    picker::{Drops, ListPicker},
    stats::Stats,
};
use crate::{
    CallTracker, ConnectivityState, Controller, PickError, PolicyState, ResolverUpdate,
    policy::{FailingPicker, PolicyChoice, QueuingPicker},
};

/// What follows the balancer's newest list: its drops, and a child policy over its
/// backends.
pub(super) struct Listed {
    list: List,
    drops: Option<Arc<Drops>>,
    /// None for a list without backends.
    child: Option<Child>,
    tracker: Arc<dyn CallTracker>,
    /// The same.
    stats: Arc<Stats>,
}

impl Listed {
    /// Takes a new list. Same addresses keep their connections, and drops and picks go on
    /// where they were; the same list changes nothing, on whatever stream it comes, as long
    /// as it is reported on in the same way. `choice`: of the child's policy; `child`: makes
    /// one where there is none.
    pub(super) fn update(
        before: Option<Self>,
        list: List,
        stats: &Arc<Stats>,
        choice: &PolicyChoice,
        child: impl FnOnce() -> Child,
        controller: &mut dyn Controller,
    ) -> Self {
        let (before_child, position) = match before {
            Some(before) if before.list == list && Arc::ptr_eq(&before.stats, stats) => {
                return before;
            }
            Some(before) => {
                let position = before.drops.as_ref().map_or(0, |drops| drops.position());
                (before.child, position)
            }
            None => (None, 0),
        };
        // Reports do it too, but how often they are is the balancer's choice.
        stats.forget_unused();
        let backends = list.backends();
        let child = backends.map(|backends| {
            let mut child = before_child.unwrap_or_else(child);
            child.update(choice, &ResolverUpdate::new(backends), controller);
            child
        });
        let tracker: Arc<Stats> = Arc::clone(stats);
        Self {
            drops: Drops::new(&list, position, stats),
            list,
            child,
            tracker,
            stats: Arc::clone(stats),
        }
    }

    /// The same list, with another policy or another configuration of it.
    pub(super) fn reconfigure(&mut self, choice: &PolicyChoice, controller: &mut dyn Controller) {
        if let (Some(child), Some(backends)) = (&mut self.child, self.list.backends()) {
            child.update(choice, &ResolverUpdate::new(backends), controller);
        }
    }

    /// The list.
    pub(super) fn list(&self) -> &List {
        &self.list
    }

    pub(super) fn child_mut(&mut self) -> Option<&mut Child> {
        self.child.as_mut()
    }

    pub(super) fn take_changed(&mut self) -> bool {
        self.child.as_mut().is_some_and(Child::take_changed)
    }

    pub(super) fn health(&self) -> Health {
        self.child.as_ref().map_or(Health::Failed, Child::health)
    }

    /// What calls get while the list is in force.
    pub(super) fn publication(&self, service: &str) -> PolicyState {
        if self.list.is_empty() {
            // A state of its own, and clear: the stock clients disagree between hanging and
            // going on with the last list.
            let text = format!("the balancer has no backend for {service}: its list is empty");
            return failing(PickError::new(text));
        }
        let child = self.child.as_ref().map(Child::state);
        let (connectivity, picker, last_error) = match child {
            // Nothing but drops: every call is decided, as READY promises.
            None => (ConnectivityState::Ready, None, None),
            Some(Some(state)) => (
                state.connectivity,
                Some(Arc::clone(&state.picker)),
                state.last_error.clone(),
            ),
            Some(None) => {
                return PolicyState::new(ConnectivityState::Connecting, Arc::new(QueuingPicker));
            }
        };
        let picker = ListPicker {
            drops: self.drops.clone(),
            child: picker,
            ready: connectivity == ConnectivityState::Ready,
            tracker: Arc::clone(&self.tracker),
        };
        PolicyState::new(connectivity, Arc::new(picker)).with_last_error(last_error)
    }
}

fn failing(error: PickError) -> PolicyState {
    PolicyState::new(
        ConnectivityState::TransientFailure,
        Arc::new(FailingPicker(error.clone())),
    )
    .with_last_error(Some(error))
}
