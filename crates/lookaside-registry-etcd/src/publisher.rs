use std::sync::Arc;

use lookaside_core::{
    OverridesSnapshot, Service, ServiceOverrides, ServiceSettings, SettingsSnapshot, Snapshot,
};
use lookaside_registry::{
    Freshness, RegistryState,
    reflector::{Reflected, Update},
};
use tokio::{sync::watch, time::Instant};

use crate::follower::Published;

/// Merges what the followers publish into one state, as one value after every change.
pub(crate) struct Publisher {
    backends: Part<Service, Snapshot>,
    settings: Part<ServiceSettings, SettingsSnapshot>,
    overrides: Part<ServiceOverrides, OverridesSnapshot>,
    out: watch::Sender<Arc<RegistryState>>,
}

/// One prefix, as it comes from its follower and as it goes out.
struct Part<S, T> {
    published: Published<S>,
    convert: fn(&Reflected<S>) -> T,
    last: Option<(Arc<Reflected<S>>, Arc<T>)>,
}

/// What there is of a part, how far to trust it, and when the first of what is new was
/// heard of.
type Taken<T> = (Option<Arc<T>>, Option<Freshness>, Option<Instant>);

impl<S: Clone, T> Part<S, T> {
    /// The newest. As long as the state is the same, so is the `Arc`.
    fn take(&mut self) -> Taken<T> {
        let Some(Update {
            state,
            freshness,
            heard_at,
        }) = self.published.borrow_and_update().clone()
        else {
            return (None, None, None);
        };
        let mut heard = None;
        if let Some(state) = state
            && !self
                .last
                .as_ref()
                .is_some_and(|(last, _)| Arc::ptr_eq(last, &state))
        {
            let converted = Arc::new((self.convert)(&state));
            self.last = Some((state, converted));
            heard = heard_at;
        }
        let converted = self
            .last
            .as_ref()
            .map(|(_, converted)| Arc::clone(converted));
        (converted, Some(freshness), heard)
    }
}

impl Publisher {
    pub(crate) fn new(
        backends: Published<Service>,
        settings: Published<ServiceSettings>,
        overrides: Published<ServiceOverrides>,
        now: Instant,
    ) -> (Self, watch::Receiver<Arc<RegistryState>>) {
        let (out, state) = watch::channel(Arc::new(RegistryState::connecting(now)));
        let this = Self {
            backends: Part {
                published: backends,
                convert: |it| Snapshot {
                    revision: it.revision,
                    services: it.services.clone(),
                    problems: Arc::clone(&it.problems),
                },
                last: None,
            },
            settings: Part {
                published: settings,
                convert: |it| SettingsSnapshot {
                    revision: it.revision,
                    services: it.services.clone(),
                    problems: Arc::clone(&it.problems),
                },
                last: None,
            },
            overrides: Part {
                published: overrides,
                convert: |it| OverridesSnapshot {
                    revision: it.revision,
                    services: it.services.clone(),
                    problems: Arc::clone(&it.problems),
                },
                last: None,
            },
            out,
        };
        (this, state)
    }

    /// Until a follower ends or nobody listens.
    pub(crate) async fn run(mut self) {
        loop {
            let changed = tokio::select! {
                changed = self.backends.published.changed() => changed,
                changed = self.settings.published.changed() => changed,
                changed = self.overrides.published.changed() => changed,
                () = self.out.closed() => return,
            };
            if changed.is_err() {
                return;
            }
            let (backends, backends_freshness, backends_heard) = self.backends.take();
            let (settings, settings_freshness, settings_heard) = self.settings.take();
            let (overrides, overrides_freshness, overrides_heard) = self.overrides.take();
            if let (Some(backends_freshness), Some(settings_freshness), Some(overrides_freshness)) =
                (backends_freshness, settings_freshness, overrides_freshness)
            {
                self.out.send_replace(Arc::new(RegistryState {
                    backends,
                    settings,
                    overrides,
                    freshness: worse(
                        worse(backends_freshness, settings_freshness),
                        overrides_freshness,
                    ),
                    heard_at: [backends_heard, settings_heard, overrides_heard]
                        .into_iter()
                        .flatten()
                        .min(),
                }));
            }
        }
    }
}

/// The state as a whole is as fresh as the stalest part.
fn worse(one: Freshness, other: Freshness) -> Freshness {
    use Freshness::{Connecting, Stale, Synced};
    match (one, other) {
        (
            Connecting { since, error },
            Connecting {
                since: other_since,
                error: other_error,
            },
        ) => Connecting {
            since: since.min(other_since),
            error: error.or(other_error),
        },
        (it @ Connecting { .. }, _) | (_, it @ Connecting { .. }) => it,
        (Stale { as_of, error }, Stale { as_of: other, .. }) if as_of <= other => {
            Stale { as_of, error }
        }
        (_, it @ Stale { .. }) | (it @ Stale { .. }, _) => it,
        (Synced { as_of }, Synced { as_of: other }) => Synced {
            as_of: as_of.min(other),
        },
    }
}

#[cfg(test)]
mod tests;
