use std::{fmt, sync::Arc};

use tokio::sync::watch;

use crate::{Registrar, RegistryState};

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
}
