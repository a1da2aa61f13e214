use std::{
    net::SocketAddr,
    sync::{Arc, LazyLock},
};

use lookaside_core::{Backend, BackendId, Cordons, Host, OverrideNote, Place};

/// A backend that a cordon keeps calls from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cordoned {
    pub(crate) id: BackendId,
    pub(crate) place: Place,
    pub(crate) note: Arc<OverrideNote>,
    /// How many of the addresses that its name resolves to are elsewhere, and get its calls;
    /// 0: it gets none.
    pub(crate) elsewhere: usize,
}

impl Cordoned {
    /// By which cordon, if by any. `addresses` are those that its name resolves to.
    pub(crate) fn find<'a>(
        backend: &Backend,
        cordons: &Cordons,
        addresses: impl FnOnce() -> Option<&'a [SocketAddr]>,
    ) -> Option<Self> {
        let by = |(place, note): (Place, &Arc<OverrideNote>), elsewhere| Self {
            id: backend.id.clone(),
            place,
            note: Arc::clone(note),
            elsewhere,
        };
        if let Some(found) = cordons.of(backend) {
            return Some(by(found, 0));
        }
        if matches!(backend.address.host(), Host::Ip(_)) {
            return None;
        }
        if cordons.is_empty() {
            return None;
        }
        let addresses = addresses()?;
        let found = addresses.iter().find_map(|it| cordons.of_address(*it))?;
        let is_free = |it: &&SocketAddr| cordons.of_address(**it).is_none();
        Some(by(found, addresses.iter().filter(is_free).count()))
    }

    /// Whether it gets no calls at all.
    pub(crate) fn is_whole(&self) -> bool {
        self.elsewhere == 0
    }

    /// Of a backend, among those of a service, which are sorted by id.
    pub(crate) fn of<'a>(id: &BackendId, all: &'a [Self]) -> Option<&'a Self> {
        let index = all.binary_search_by(|it| it.id.cmp(id)).ok()?;
        Some(&all[index])
    }

    /// None, without memory for each service.
    pub(crate) fn none() -> Arc<[Self]> {
        static NONE: LazyLock<Arc<[Cordoned]>> = LazyLock::new(Arc::default);
        Arc::clone(&NONE)
    }
}
