use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::Address;

/// How long newcomers have to be connected before a stream is opened that is meant for
/// them: until then it would go over the connection from before.
const CONNECT_TIME: Duration = Duration::from_secs(1);

/// The balancers that are known, for a stream that waits to be opened again: its wait is
/// about those that it had, and need not hold for others.
#[derive(Clone)]
pub(super) struct Newcomers(watch::Receiver<Arc<[Address]>>);

/// Where balancers are made known.
#[derive(Default)]
pub(super) struct Known(watch::Sender<Arc<[Address]>>);

impl Known {
    pub(super) fn newcomers(&self) -> Newcomers {
        Newcomers(self.0.subscribe())
    }

    /// The balancers from now on. Those from before in another order, or fewer of them, are
    /// no news.
    pub(super) fn set(&self, balancers: &Arc<[Address]>) {
        self.0.send_if_modified(|known| {
            let newcomers = balancers.iter().any(|balancer| !known.contains(balancer));
            *known = Arc::clone(balancers);
            newcomers
        });
    }
}

impl Newcomers {
    /// Waits for `wait`, or less if there are balancers that were not there at the beginning.
    pub(super) async fn or_sleep(&mut self, wait: Duration) {
        let end = Instant::now() + wait;
        self.0.mark_unchanged();
        tokio::select! {
            () = sleep_until(end) => {}
            Ok(()) = self.0.changed() => sleep_until(end.min(Instant::now() + CONNECT_TIME)).await,
        }
    }
}

#[cfg(test)]
mod tests;
