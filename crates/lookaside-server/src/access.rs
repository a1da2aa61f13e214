//! Who may do what.
//!
//! Rules are read once, at the start, and matched against a peer once, when it connects
//! (`docs/security.md`). A stream then costs one comparison per rule of its peer.

mod glob;
mod identity;
mod peer;
mod permission;
mod policy;
mod rule;

pub(crate) use self::{
    identity::{Certificate, Identity},
    peer::{Peer, peer_of},
    rule::network,
};
pub use self::{
    permission::{Permission, Permissions, UnknownPermission},
    policy::Access,
    rule::{Rule, RuleError},
};
