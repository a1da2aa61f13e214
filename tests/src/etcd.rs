//! A real etcd on loopback: [`Etcd`] is one member, [`Cluster`] are three.
//!
//! The program is `$LOOKASIDE_ETCD`, or `etcd` in the path.

mod backup;
mod certificates;
mod cluster;
mod history;
mod keys;
mod link;
mod member;
mod operator;
mod single;

pub use certificates::{Authority, Tls};
pub use cluster::{Cluster, ClusterOptions};
pub use history::{Change, Epoch, History, State};
pub use keys::{Keys, value};
pub use member::Member;
pub use single::Etcd;
