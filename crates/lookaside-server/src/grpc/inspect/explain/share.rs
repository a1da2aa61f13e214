use lookaside_core::{BackendId, List};
use lookaside_proto::v1;

/// What of a service's calls a backend gets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Share {
    /// Of all backends in the list.
    pub(super) total_weight: u64,
    pub(super) backends: usize,
    pub(super) backend_slots: u32,
    /// As the weights have it, of the calls that are not dropped.
    pub(super) exact_percent: f64,
    /// As the slots have it.
    pub(super) percent: f64,
    /// Of all calls.
    pub(super) percent_of_all: f64,
}

impl Share {
    pub(super) fn new(backend: &v1::Backend, list: Option<&List>) -> Self {
        let Some(list) = list else {
            return Self::default();
        };
        let mut share = Self::default();
        let mut last: Option<&BackendId> = None;
        // Sorted by backend; one with several addresses is there once for each.
        for (endpoint, slots) in list.endpoints().iter().zip(list.endpoint_slots()) {
            share.backend_slots += slots;
            if last != Some(endpoint.id()) {
                share.total_weight += u64::from(endpoint.backend.weight);
                share.backends += 1;
            }
            last = Some(endpoint.id());
        }
        if backend.slots > 0 {
            let percent = |part: u32, of: f64| 100.0 * f64::from(part) / of.max(1.0);
            share.exact_percent = percent(backend.weight, share.total_weight as f64);
            share.percent = percent(backend.slots, share.backend_slots.into());
            share.percent_of_all = percent(backend.slots, list.slots().len() as f64);
        }
        share
    }

    /// The outcome in a sentence.
    pub(super) fn summary(&self, backend: &v1::Backend, service: &v1::Service) -> String {
        let (id, name) = (&backend.id, &service.name);
        if service.plan == "fallback" {
            let why = &service.reason;
            return format!(
                "{id} is in no list: clients of {name} use the addresses of their own resolver ({why})"
            );
        }
        let because = |text: &str| match text {
            "" => String::new(),
            reason => format!(" ({reason})"),
        };
        if backend.slots == 0 {
            let (state, reason) = (&backend.state, because(&backend.reason));
            return format!("{id} gets no calls of {name}: it is {state}{reason}");
        }
        let Self {
            percent,
            percent_of_all,
            ..
        } = self;
        let dropped = if percent_of_all < percent {
            format!(", which is {percent_of_all:.1} % of all: the rest are dropped")
        } else {
            String::new()
        };
        format!("{id} gets {percent:.1} % of the calls of {name} that are not dropped{dropped}",)
    }
}
