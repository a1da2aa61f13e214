use std::{fmt, net::SocketAddr};

use crate::{Endpoint, LbToken, Mode};

/// In the extensions of every response: who answered, and how the call came to be sent there.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use lookaside_client::{Channel, Peer};
/// use lookaside_proto::demo::{EchoRequest, echo_client::EchoClient};
///
/// let channel = Channel::builder("orders").balancers(["lookaside-1:7400"]).build()?;
/// let response = EchoClient::new(channel).echo(EchoRequest::default()).await?;
/// if let Some(peer) = response.extensions().get::<Peer>() {
///     println!("{peer} answered, {} attempts, {}", peer.attempts(), peer.mode());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    endpoint: Endpoint,
    pick: LastPick,
}

/// What a call keeps of its last pick. Cloning it allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct LastPick {
    attempts: u32,
    mode: Mode,
    token: Option<LbToken>,
}

impl LastPick {
    /// One more pick that led to a connection.
    pub(crate) fn next(&mut self, mode: Mode, token: Option<&LbToken>) {
        self.attempts = self.attempts.saturating_add(1);
        self.mode = mode;
        self.token = token.cloned();
    }
}

impl Peer {
    pub(crate) fn new(endpoint: Endpoint, pick: LastPick) -> Self {
        Self { endpoint, pick }
    }

    /// The address, as it was connected to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The socket address, unless the connection was made to a name or a Unix socket.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        self.endpoint.socket_addr()
    }

    /// How often the call was given to a connection, this time included: 1, unless it was
    /// sent again, because nobody had looked at it or as its retry policy asks for.
    pub fn attempts(&self) -> u32 {
        self.pick.attempts
    }

    /// Where the address came from: whether a balancer's list led here, or fallback.
    pub fn mode(&self) -> Mode {
        self.pick.mode
    }

    /// The `lb-token` that the call carried: that of its slot in the balancer's list.
    pub fn token(&self) -> Option<&LbToken> {
        self.pick.token.as_ref()
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(f)
    }
}
