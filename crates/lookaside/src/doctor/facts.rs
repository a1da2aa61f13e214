use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use lookaside_core::HostPort;
use lookaside_proto::v1;

/// What was seen of a deployment. Errors are in words, as they are shown.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// When it was looked at.
    pub(crate) now: SystemTime,
    /// Of whoever looks.
    pub(crate) version: &'static str,
    pub(crate) balancers: Vec<BalancerFacts>,
    /// The services that are to be looked at; none: all.
    pub(crate) wanted: BTreeSet<String>,
    pub(crate) admins: Vec<AdminFacts>,
    /// `None`: nobody said where it is.
    pub(crate) registry: Option<RegistryFacts>,
    pub(crate) files: Vec<CertificateFile>,
    /// `None`: nobody said which name.
    pub(crate) srv: Option<SrvFacts>,
}

/// A balancer, as its client port shows it.
#[derive(Clone, Debug)]
pub(crate) struct BalancerFacts {
    pub(crate) address: HostPort,
    pub(crate) seen: Result<Box<Seen>, String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) status: v1::GetStatusResponse,
    /// By name, those that somebody registered.
    pub(crate) services: BTreeMap<String, v1::Service>,
    /// Services beyond those that were looked at.
    pub(crate) unseen: usize,
    /// What `grpc.health.v1` says: whether it serves.
    pub(crate) health: Result<bool, String>,
    /// What `grpc.lb.v1` says.
    pub(crate) list: Result<ListAnswer, String>,
    pub(crate) clock: Option<Clock>,
    /// What it showed in the TLS handshake; `None` without TLS.
    pub(crate) certificate: Option<Result<Certificate, String>>,
}

/// How a stream for a list was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListAnswer {
    /// With a list of so many entries for this service.
    List(String, usize),
    /// With fallback for this service.
    Fallback(String),
    /// There was no service to ask for, and a request for none was refused as it should be.
    Refused,
}

/// A balancer's clock against ours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub(crate) balancer: SystemTime,
    /// Ours, halfway between question and answer.
    pub(crate) ours: SystemTime,
    /// How far off that can be: half of the time the answer took.
    pub(crate) within: Duration,
}

/// An admin port.
#[derive(Clone, Debug)]
pub(crate) struct AdminFacts {
    pub(crate) address: HostPort,
    pub(crate) control: ControlAnswer,
}

/// What `lookaside.v1.Control` said there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ControlAnswer {
    /// So many overrides.
    Answers(usize),
    /// Not for this peer.
    Denied(String),
    /// It is not there: this is a client port.
    Absent,
    /// There was no answer.
    Failed(String),
}

/// The registry, read directly.
#[derive(Clone, Debug)]
pub(crate) struct RegistryFacts {
    pub(crate) url: String,
    pub(crate) read: Result<Direct, String>,
}

/// What stands in it.
#[derive(Clone, Debug)]
pub(crate) struct Direct {
    pub(crate) revision: i64,
    pub(crate) took: Duration,
    /// The ids of each service's backends, sorted.
    pub(crate) backends: BTreeMap<String, Vec<String>>,
    /// Keys that could not be read.
    pub(crate) problems: Vec<String>,
}

/// A file with certificates.
#[derive(Clone, Debug)]
pub(crate) struct CertificateFile {
    /// What names it: `--ca`, `tls.cert`.
    pub(crate) named_by: &'static str,
    pub(crate) path: String,
    /// All in it.
    pub(crate) read: Result<Vec<Certificate>, String>,
}

/// What matters of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    pub(crate) subject: String,
    pub(crate) not_before: SystemTime,
    pub(crate) not_after: SystemTime,
}

/// What DNS says of a name.
#[derive(Clone, Debug)]
pub(crate) struct SrvFacts {
    /// As in `_grpclb._tcp.orders.example.com`.
    pub(crate) record: String,
    pub(crate) found: Result<Vec<SrvTarget>, String>,
    /// How many addresses the name itself has: what clients fall back on.
    pub(crate) fallback: Result<usize, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SrvTarget {
    pub(crate) address: HostPort,
    /// The addresses of its host; why there are none.
    pub(crate) resolved: Result<Vec<SocketAddr>, String>,
}
