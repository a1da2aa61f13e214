use std::time::Duration;

/// How connections are accepted, and what their peers may do on them.
#[derive(Clone, Debug)]
pub struct Connections {
    /// How many connections may wait to be accepted. Default 4096: after a replica's
    /// death all of its clients come within a second. The kernel cuts it to
    /// `net.core.somaxconn`.
    pub backlog: u32,
    /// Whether another process may listen on the same ports (`SO_REUSEPORT`), as during an
    /// upgrade. Default off: two balancers that share a port by mistake would go unnoticed.
    pub reuse_port: bool,
    /// How long a peer may take to begin with HTTP/2. Default 10 s; zero: for ever. Port
    /// scanners and TCP probes would pile up otherwise.
    pub hello: Duration,
    /// How long a connection may have no request before it is sent GOAWAY. Default 30 min;
    /// zero: for ever. Much longer than the 2 min that a refused client waits at most before
    /// it tries again on the connection it has.
    pub idle: Duration,
    /// How often a client is asked for a sign of life (HTTP/2 PING). Default 30 s, which
    /// is 1,700 PINGs a second for 50,000 connections; zero: never.
    pub keepalive: Duration,
    /// How long its answer may take. Default 20 s.
    pub keepalive_timeout: Duration,
    /// How much is read of one connection in a second: a frame costs 1, and 1 more for
    /// each 64 bytes; request headers cost 20. Default 10,000, which is a thousand times
    /// what a client needs; 0: no limit. Beyond it the connection is read more slowly, and
    /// nothing else happens to it.
    pub frames_per_second: u32,
    /// Bytes of request headers, as HTTP/2 counts them. Default 16 KiB; gRPC's own take
    /// a tenth of it.
    pub max_headers: u32,
    /// How fast, in bytes per second, a client must take a list once it has had
    /// [`Timeouts::write`](crate::Timeouts::write) of time. Default 64 KiB/s, half a
    /// megabit; 0: at any pace, as long as some of it moves within that time.
    pub write_rate: u32,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            backlog: 4096,
            reuse_port: false,
            hello: Duration::from_secs(10),
            idle: Duration::from_secs(30 * 60),
            keepalive: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            frames_per_second: 10_000,
            max_headers: 16 * 1024,
            write_rate: 64 * 1024,
        }
    }
}
