use lookaside_core::{FallbackReason, Plan};

use super::Published;

/// What kind of plan a service has, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlanState {
    /// Its backends.
    List,
    /// Its backends, healthy or not: too few are.
    Panic,
    /// The last list, because no backend can take calls.
    Held,
    /// All calls are dropped, because no backend can take them.
    Dropped,
    /// Clients use their own addresses, because no backend can take calls.
    Fallback,
    /// The same, by order.
    Ordered,
}

impl PlanState {
    /// All of them.
    pub(crate) const ALL: [Self; 6] = [
        Self::List,
        Self::Panic,
        Self::Held,
        Self::Dropped,
        Self::Fallback,
        Self::Ordered,
    ];

    /// As metrics have it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Panic => "panic",
            Self::Held => "held",
            Self::Dropped => "dropped",
            Self::Fallback => "fallback",
            Self::Ordered => "ordered",
        }
    }
}

impl Published {
    /// What kind of plan it is.
    pub(crate) fn state(&self) -> PlanState {
        match &*self.plan {
            Plan::Fallback(FallbackReason::Settings) => PlanState::Ordered,
            Plan::Fallback(_) => PlanState::Fallback,
            Plan::List(list) if list.endpoints().is_empty() => PlanState::Dropped,
            Plan::List(_) if self.is_held => PlanState::Held,
            Plan::List(list) if list.panic().is_some() => PlanState::Panic,
            Plan::List(_) => PlanState::List,
        }
    }
}
