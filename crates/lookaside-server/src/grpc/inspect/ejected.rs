use std::{net::SocketAddr, sync::Arc};

use lookaside_core::{Backend, Ejection, Plan, dialled};
use lookaside_proto::v1;

use crate::table::Published;

/// Those of a backend's addresses that its health check ejected.
pub(super) struct Ejected<'a> {
    ejections: Vec<&'a Arc<Ejection>>,
    /// Whether it has no other address.
    pub(super) is_all: bool,
}

impl<'a> Ejected<'a> {
    pub(super) fn new(
        backend: &Backend,
        resolved: &[SocketAddr],
        published: &'a Published,
    ) -> Option<Self> {
        let all = published.ejections.as_ref()?;
        let addresses = dialled(resolved);
        let of = all.of(&backend.id).iter();
        let ejections: Vec<_> = of.filter(|it| addresses.contains(&it.addr)).collect();
        (!ejections.is_empty()).then_some(Self {
            is_all: ejections.len() == addresses.len(),
            ejections,
        })
    }

    /// What is wrong with them, in a line.
    pub(super) fn reason(&self) -> String {
        match &self.ejections[..] {
            [one] if self.is_all => one.reason.to_string(),
            some => {
                let one = |it: &&Arc<Ejection>| format!("{}: {}", it.addr, it.reason);
                some.iter().map(one).collect::<Vec<_>>().join("; ")
            }
        }
    }

    pub(super) fn describe(&self) -> Vec<v1::Ejection> {
        let describe = |it: &&Arc<Ejection>| v1::Ejection {
            address: it.addr.to_string(),
            reason: it.reason.to_string(),
            since: Some(it.since.into()),
        };
        self.ejections.iter().map(describe).collect()
    }
}

/// Whether health is ignored.
pub(super) fn panics(published: &Published) -> bool {
    matches!(&*published.plan, Plan::List(list) if list.panic().is_some())
}
