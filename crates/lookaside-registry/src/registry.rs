use std::{fmt, sync::Arc};

use tokio::sync::watch;

use crate::{
    Activity, Judged, LastKnown, OverrideWriter, Registrar, RegistryState, saved::SavingStatus,
};

/// Where backends and settings are recorded.
///
/// An implementation owns the tasks that follow its source, and ends them when it is
/// dropped.
pub trait Registry: fmt::Debug + Send + Sync + 'static {
    /// For people, as in `etcd://10.0.0.1:2379`; without credentials.
    fn url(&self) -> &str;

    /// The state, now and after every change. A slow reader skips to the newest.
    fn subscribe(&self) -> watch::Receiver<Arc<RegistryState>>;

    /// Writes to it; `None` where it is read only.
    fn registrar(&self) -> Option<Arc<dyn Registrar>>;

    /// Writes operators' overrides to it; `None` where nobody can.
    fn override_writer(&self) -> Option<Arc<dyn OverrideWriter>> {
        None
    }

    /// What it said when it was last followed, before this process began, where that is
    /// known. It may be served or not; whoever judges the first state of a registry by
    /// what it lacks compares it with this.
    fn last_known(&self) -> Option<LastKnown> {
        None
    }

    /// Where a balancer says whom it holds, where that is kept for the process after this
    /// one.
    fn judged(&self) -> Option<watch::Sender<Arc<Judged>>> {
        None
    }

    /// How saving its state goes, where it is saved.
    fn saving(&self) -> Option<&SavingStatus> {
        None
    }

    /// What following it took, where that is counted.
    fn activity(&self) -> Option<&Activity> {
        None
    }
}
