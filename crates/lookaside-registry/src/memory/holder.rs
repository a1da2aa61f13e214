use tokio::sync::watch;

use super::{
    Held,
    owner::{Access, Version},
};
use crate::RegistrarError;

/// Sees what a memory registry holds, and that it holds something else now.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    access: Access,
    versions: watch::Receiver<Version>,
}

impl Holder {
    pub(super) fn new(access: Access, versions: watch::Receiver<Version>) -> Self {
        Self { access, versions }
    }

    /// Is another value after every change of what is held or set.
    pub(crate) fn versions(&self) -> watch::Receiver<Version> {
        self.versions.clone()
    }

    pub(crate) async fn held(&self) -> Result<Vec<Held>, RegistrarError> {
        self.access.ask(|table, _| table.held()).await
    }
}
