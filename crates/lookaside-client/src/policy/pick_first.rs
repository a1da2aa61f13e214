use std::{sync::Arc, time::Duration};

use super::{
    Controller, ExitIdlePicker, FailingPicker, Pick, PickArgs, PickError, PickResult, Picker,
    Policy, PolicyOptions, PolicyState, QueuingPicker, WorkScheduler,
};
use crate::{Address, ConnectivityState, ResolverUpdate, Subchannel, SubchannelState};

mod attempts;
mod settings;

use attempts::Attempts;
pub use settings::PickFirst;

/// How long an attempt has before the next address is tried beside it (A61, happy
/// eyeballs): a dead first address costs so much, not its connect timeout.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// All calls to the first address that can be reached, tried in order.
///
/// When its connection is lost the policy is IDLE, and the next call connects again,
/// from the first address. A new list that has the connected address changes nothing, and
/// one that comes while the policy is IDLE is for that call: the resolver, which is asked
/// because the connection was lost, must not bring back what nobody calls.
pub(crate) struct PickFirstPolicy {
    work: WorkScheduler,
    addresses: Vec<Address>,
    /// READY; calls go here.
    selected: Option<Subchannel>,
    /// Under way, for the first connection or to replace `selected`.
    attempts: Option<Attempts>,
    /// Sticky: until READY (A62).
    failed: Option<PickError>,
    last_error: Option<PickError>,
    /// What holds where the configuration says nothing.
    default: PickFirst,
    rng: fastrand::Rng,
}

impl PickFirstPolicy {
    pub(crate) fn new(settings: PickFirst, options: PolicyOptions) -> Self {
        Self {
            default: settings,
            rng: fastrand::Rng::with_seed(options.seed),
            work: options.work,
            addresses: Vec::new(),
            selected: None,
            attempts: None,
            failed: None,
            last_error: None,
        }
    }

    /// It had a connection.
    fn is_idle(&self) -> bool {
        let is_new = self.addresses.is_empty();
        !is_new && self.selected.is_none() && self.attempts.is_none() && self.failed.is_none()
    }

    fn connect(&mut self, controller: &mut dyn Controller) {
        if self.addresses.is_empty() {
            return;
        }
        self.attempts = Some(Attempts::new(&self.addresses, controller));
        self.advance(controller);
    }

    /// Looks at the attempts after anything happened to them.
    fn advance(&mut self, controller: &mut dyn Controller) {
        let Some(attempts) = &mut self.attempts else {
            return;
        };
        if let Some(ready) = attempts.ready() {
            self.selected = Some(ready);
            self.attempts = None;
            self.failed = None;
            return;
        }
        attempts.proceed(controller.now());
        if let Some(at) = attempts.next_at() {
            controller.wake_at(at);
        }
        if attempts.all_failed() {
            let many = self.addresses.len();
            let text = match &self.last_error {
                Some(error) if many == 1 => format!("no connection to {error}"),
                Some(error) => {
                    format!("none of {many} addresses is reachable, the last: {error}")
                }
                None => format!("none of {many} addresses is reachable"),
            };
            if self.failed.is_none() {
                controller.request_resolution();
            }
            self.failed = Some(PickError::new(text));
            // What they replace is worth more than nothing only while they may succeed.
            self.selected = None;
        }
    }

    fn publish(&self, controller: &mut dyn Controller) {
        let state = if let Some(selected) = &self.selected {
            let picker = PickFirstPicker(selected.clone());
            PolicyState::new(ConnectivityState::Ready, Arc::new(picker))
        } else if let Some(error) = &self.failed {
            PolicyState::new(
                ConnectivityState::TransientFailure,
                Arc::new(FailingPicker(error.clone())),
            )
            .with_last_error(Some(error.clone()))
        } else if self.attempts.is_some() {
            PolicyState::new(ConnectivityState::Connecting, Arc::new(QueuingPicker))
                .with_last_error(self.last_error.clone())
        } else {
            let picker = ExitIdlePicker(self.work.clone());
            PolicyState::new(ConnectivityState::Idle, Arc::new(picker))
                .with_last_error(self.last_error.clone())
        };
        controller.update_picker(state);
    }

    fn set_addresses(
        &mut self,
        addresses: &[Address],
        settings: &PickFirst,
        controller: &mut dyn Controller,
    ) {
        let is_idle = self.is_idle();
        // It stays with the first that it reaches, healthy or not (A17).
        let unchecked = |address: &Address| address.clone().without_health_check();
        self.addresses = addresses.iter().map(unchecked).collect();
        if settings.shuffles() {
            // Each one's first is drawn by how often it is listed: duplicates are weights.
            self.rng.shuffle(&mut self.addresses);
        }
        if addresses.is_empty() {
            self.selected = None;
            self.attempts = None;
            self.failed = Some(PickError::new("there are no addresses"));
            return;
        }
        if is_idle {
            return;
        }
        if self.attempts.is_none() {
            // What failed was to find addresses, not to reach them.
            self.failed = None;
        }
        let listed = self.selected.as_ref().and_then(|selected| {
            let same = |address: &&Address| address.key() == *selected.address();
            self.addresses.iter().find(same)
        });
        if let Some(address) = listed {
            // The same connection, with the token of the new list.
            self.selected = Some(controller.new_subchannel(address).0);
            self.attempts = None;
        } else {
            self.connect(controller);
        }
    }
}

impl Policy for PickFirstPolicy {
    fn resolver_update(&mut self, update: &ResolverUpdate, controller: &mut dyn Controller) {
        match &update.addresses {
            Ok(addresses) => {
                let settings = update.config_or(&self.default).clone();
                self.set_addresses(addresses, &settings, controller);
            }
            Err(error) if !self.addresses.is_empty() => {
                tracing::warn!(%error, "could not resolve again, the addresses stay");
                return;
            }
            Err(error) => self.failed = Some(PickError::new(error.to_string())),
        }
        self.publish(controller);
    }

    fn subchannel_update(
        &mut self,
        subchannel: &Subchannel,
        state: &SubchannelState,
        controller: &mut dyn Controller,
    ) {
        let selected = self.selected.as_ref().map(Subchannel::id) == Some(subchannel.id());
        let attempted = self
            .attempts
            .as_mut()
            .is_some_and(|attempts| attempts.update(subchannel, state));
        if !selected && !attempted {
            return;
        }
        if let Some(error) = &state.error {
            self.last_error = Some(error.clone());
        }
        if selected && state.connectivity != ConnectivityState::Ready {
            self.selected = None;
            controller.request_resolution();
        }
        if attempted {
            self.advance(controller);
        }
        self.publish(controller);
    }

    fn work(&mut self, controller: &mut dyn Controller) {
        if self.attempts.is_some() {
            self.advance(controller);
            self.publish(controller);
        }
    }

    fn exit_idle(&mut self, controller: &mut dyn Controller) {
        if self.selected.is_none() && self.attempts.is_none() {
            self.connect(controller);
            self.publish(controller);
        }
    }
}

struct PickFirstPicker(Subchannel);

impl Picker for PickFirstPicker {
    fn pick<'p>(&'p self, _: &PickArgs<'_>) -> PickResult<'p> {
        PickResult::Pick(Pick::new(&self.0))
    }
}

#[cfg(test)]
mod tests;
