mod about;
mod connections;
mod registration;

use std::{net::SocketAddr, num::NonZeroU32, sync::Arc, time::Duration};

use lookaside_core::{MassRemoval, OnEmpty, PolicyDefaults, TokenIssuer};
use tokio::sync::watch;

pub use self::about::{About, Build, ConfigurationKey};
pub use self::connections::Connections;
pub use self::registration::RegistrationLimits;
use crate::{Access, Probes, Reload, Tls};

/// What a [`Balancer`](crate::Balancer) is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients connect. Port 0: the kernel chooses.
    pub listen: SocketAddr,
    /// Where operators connect.
    pub admin: SocketAddr,
    /// What is in lists, and when they are sent.
    pub lists: Lists,
    /// How much clients may use.
    pub limits: Limits,
    /// How connections are accepted and kept.
    pub connections: Connections,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// Whether backends may register through this balancer. Off by default: it lets
    /// whoever reaches the client port write into the registry.
    pub registration: bool,
    /// How much they may register.
    pub registration_limits: RegistrationLimits,
    /// Makes the tokens of backends. Another value gives all services new lists; that the
    /// sender is gone changes nothing.
    pub tokens: watch::Receiver<TokenIssuer>,
    /// How backends are asked whether they are well. Default: over the network.
    pub probes: Probes,
    /// TLS on both ports; none by default.
    pub tls: Option<Tls>,
    /// Who may do what.
    pub access: Access,
    /// What is read again beside the certificates, on [`Balancer::reload`] and when an
    /// operator orders it.
    ///
    /// [`Balancer::reload`]: crate::Balancer::reload
    pub reload: Option<Arc<dyn Reload>>,
    /// What whoever inspects it is told of the program and of this configuration. Empty by
    /// default.
    pub about: About,
}

/// What is in lists, and when they are sent.
#[derive(Clone, Debug)]
pub struct Lists {
    /// Slots of a list before drops. Default 1024.
    pub max_slots: usize,
    /// What clients get of a service without any backend that can take calls.
    pub on_empty: OnEmpty,
    /// What clients get that ask for a service nobody knows.
    pub unknown: Unknown,
    /// When less than this share (0 to 1) of a service's addresses is healthy, all get
    /// calls. Default 0.5; 0: never.
    pub panic: f64,
    /// A burst of changes is merged until it pauses this long, default 100 ms ...
    pub quiet: Duration,
    /// ... or has lasted this long, default 1 s.
    pub max_delay: Duration,
    /// How often clients report their load, default 10 s; zero: never.
    pub report_interval: Duration,
    /// How long a backend is kept that vanished with most others but still answers,
    /// default 30 s; zero: not at all.
    pub hold_down: Duration,
    /// When so many vanish that they are asked before they are believed gone.
    pub mass_removal: MassRemoval,
    /// For how long after the start no stream is answered, default zero. A registry that
    /// begins empty and is filled by the backends' renewals needs it: the first lists
    /// would lack most of them.
    pub hold: Duration,
}

/// What clients get that ask for a service nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// NOT_FOUND, after a short wait for the service to appear.
    #[default]
    Refuse,
    /// They use the addresses their own resolver gave them until the service appears.
    Fallback,
}

/// How much clients may use. 0 is no limit.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Streams in all. Default 50,000.
    pub streams: usize,
    /// Streams of one connection. Default 100: gateways and clients with many channels
    /// share connections.
    pub streams_per_connection: usize,
    /// Streams from one IP address (IPv6: from one /64 network, which is what one customer
    /// has); 0, the default: no limit, because behind NAT an address is a crowd.
    pub streams_per_peer: usize,
    /// How many streams may start in a second. Default 5000. More wait up to
    /// [`Timeouts::admission`], each connection having its turn.
    pub new_streams_per_second: u32,
    /// How many streams one connection may start in a second for one name. Default 3: a
    /// client that has more is in a loop without delay.
    pub streams_per_second_per_name: usize,
    /// Connections to the client port. Default 60,000: a stream each, and some for health
    /// checks and people. One more is closed at once: its client goes to the next replica.
    pub connections: usize,
    /// Connections from one IP address; 0, the default: no limit, as for streams.
    pub connections_per_peer: usize,
}

/// How long things may take.
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// Until a stream's first message. Default 10 s, which is when a client whose
    /// balancer says nothing turns to its own addresses.
    pub first_message: Duration,
    /// How long a stream may wait for [`Limits::new_streams_per_second`] before it is
    /// refused. Default 3 s.
    pub admission: Duration,
    /// How long a stream for an unknown service waits for it to appear. Default 2 s.
    pub unknown: Duration,
    /// How long a client may take nothing of the data that waits for it before its stream,
    /// or where its network takes nothing its connection, is closed. Default 30 s: longer
    /// than a long garbage collection or a Wi-Fi hand-over. A client that takes little is
    /// held to [`Connections::write_rate`].
    pub write: Duration,
    /// At a graceful end: over how long open streams are ended, so that other replicas
    /// get their clients one by one. Default 10 s.
    pub drain: Duration,
    /// At a graceful end: how long connections may take to close after that. Default 5 s.
    pub close: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            listen: loopback(7400),
            admin: loopback(7401),
            lists: Lists::default(),
            limits: Limits::default(),
            connections: Connections::default(),
            timeouts: Timeouts::default(),
            registration: false,
            registration_limits: RegistrationLimits::default(),
            tokens: watch::channel(TokenIssuer::default()).1,
            probes: Probes::default(),
            tls: None,
            access: Access::default(),
            reload: None,
            about: About::default(),
        }
    }
}

impl Default for Lists {
    fn default() -> Self {
        Self {
            max_slots: 1024,
            on_empty: OnEmpty::default(),
            unknown: Unknown::default(),
            panic: 0.5,
            quiet: Duration::from_millis(100),
            max_delay: Duration::from_secs(1),
            report_interval: Duration::from_secs(10),
            hold_down: Duration::from_secs(30),
            mass_removal: MassRemoval::default(),
            hold: Duration::ZERO,
        }
    }
}

impl Lists {
    /// What holds for a service that has no setting of its own. No list has no slot.
    pub(crate) fn policy(&self) -> PolicyDefaults {
        let max_slots = u32::try_from(self.max_slots).unwrap_or(u32::MAX);
        PolicyDefaults {
            on_empty: self.on_empty,
            max_slots: NonZeroU32::new(max_slots).unwrap_or(NonZeroU32::MIN),
            report_interval: self.report_interval,
            hold_down: self.hold_down,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams: 50_000,
            streams_per_connection: 100,
            streams_per_peer: 0,
            new_streams_per_second: 5000,
            streams_per_second_per_name: 3,
            connections: 60_000,
            connections_per_peer: 0,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            first_message: Duration::from_secs(10),
            admission: Duration::from_secs(3),
            unknown: Duration::from_secs(2),
            write: Duration::from_secs(30),
            drain: Duration::from_secs(10),
            close: Duration::from_secs(5),
        }
    }
}
