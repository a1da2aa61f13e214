//! What a service manager is told of a process: the protocol of sd_notify(3), which systemd
//! speaks with units of `Type=notify`. Datagrams of `NAME=VALUE` lines to the socket that
//! `NOTIFY_SOCKET` names; without one, nothing.

use std::{
    env, io,
    os::unix::net::{SocketAddr, UnixDatagram},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{interval, timeout},
};

/// How often the watchdog is fed in the time after which it bites, as sd_watchdog_enabled(3)
/// advises.
const FEEDS: u32 = 2;

/// How many messages may wait for a service manager that does not read: a start and an end
/// have some four.
const WAITING: usize = 16;

/// For what was said last: a datagram takes microseconds where somebody reads.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Tells the service manager how this process is. Never waits for it.
#[derive(Debug, Default)]
pub(crate) struct Notifier {
    queue: Option<mpsc::Sender<String>>,
    sending: JoinSet<()>,
    feeding: JoinSet<()>,
}

impl Notifier {
    /// One for the service manager that started this process, if one did that wants to know.
    /// Must be called within a tokio runtime.
    pub(crate) fn from_env() -> Self {
        let Some(name) = env::var_os("NOTIFY_SOCKET") else {
            return Self::default();
        };
        let started = Self::to(name.as_encoded_bytes());
        started.unwrap_or_else(|error| {
            tracing::warn!(
                path = %name.display(), %error,
                "NOTIFY_SOCKET cannot be used: the service manager hears nothing"
            );
            Self::default()
        })
    }

    fn to(name: &[u8]) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address(name)?)?;
        socket.set_nonblocking(true)?;
        let socket = tokio::net::UnixDatagram::from_std(socket)?;
        let (queue, mut messages) = mpsc::channel::<String>(WAITING);
        let mut sending = JoinSet::new();
        sending.spawn(async move {
            while let Some(message) = messages.recv().await {
                if let Err(error) = socket.send(message.as_bytes()).await {
                    tracing::warn!(%error, "the service manager cannot be told");
                }
            }
        });
        Ok(Self {
            queue: Some(queue),
            sending,
            feeding: JoinSet::new(),
        })
    }

    /// It serves, and how.
    pub(crate) fn ready(&self, status: &str) {
        self.send(format!("READY=1\nSTATUS={}", line(status)));
    }

    /// What it is at, in words for a person.
    pub(crate) fn status(&self, status: &str) {
        self.send(format!("STATUS={}", line(status)));
    }

    /// It reads its files again; [`Notifier::ready`] says when it has.
    pub(crate) fn reloading(&self) {
        // systemd tells by it a reload that it asked for from one that was under way.
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1000;
        self.send(format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// It is ending, and what it does until then.
    pub(crate) fn stopping(&self, status: &str) {
        self.send(format!("STOPPING=1\nSTATUS={}", line(status)));
    }

    /// Feeds the watchdog from now on, if the service manager has one for this process: as
    /// long as it is fed, the runtime's timers and workers do their work.
    pub(crate) fn feed_watchdog(&mut self) {
        let micros = env::var("WATCHDOG_USEC").ok();
        let for_pid = env::var("WATCHDOG_PID").ok();
        let limit = limit(micros.as_deref(), for_pid.as_deref(), std::process::id());
        let (Some(queue), Some(limit)) = (self.queue.clone(), limit) else {
            return;
        };
        self.feeding.spawn(async move {
            let mut turns = interval(limit / FEEDS);
            loop {
                turns.tick().await;
                // One that does not read is not to lose what matters over this.
                if queue.capacity() > WAITING / 2 {
                    let _: Result<(), _> = queue.try_send("WATCHDOG=1".to_owned());
                }
            }
        });
    }

    /// Waits until all has been sent, for a moment at most: a process that has nobody to hand over
    /// ends so soon that it would take its last word along.
    pub(crate) async fn end(mut self) {
        self.feeding.shutdown().await;
        self.queue = None;
        // An error: whoever should read does not, and a service manager that hangs delays no end.
        let _ = timeout(LAST_WORD, self.sending.join_next()).await;
    }

    fn send(&self, message: String) {
        let lost = self.queue.as_ref().map(|queue| queue.try_send(message));
        if let Some(Err(error)) = lost {
            tracing::warn!(%error, "the service manager does not read what it is told");
        }
    }
}

/// A path, or after `@` a name in Linux's abstract namespace.
fn address(name: &[u8]) -> io::Result<SocketAddr> {
    match name {
        [b'/', ..] => {
            use std::os::unix::ffi::OsStrExt;
            SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))
        }
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => {
            use std::os::linux::net::SocketAddrExt;
            SocketAddr::from_abstract_name(name)
        }
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "expected a path that begins with / or a name that begins with @",
        )),
    }
}

/// What `WATCHDOG_USEC` says, unless `WATCHDOG_PID` says that it is for another process.
fn limit(micros: Option<&str>, for_pid: Option<&str>, pid: u32) -> Option<Duration> {
    let micros: u64 = micros?.parse().ok()?;
    let is_ours = for_pid.is_none_or(|for_pid| for_pid.parse() == Ok(pid));
    (is_ours && micros >= u64::from(FEEDS)).then(|| Duration::from_micros(micros))
}

/// A line break would begin another assignment.
fn line(text: &str) -> String {
    text.replace('\n', " ")
}

#[cfg(test)]
mod tests;
