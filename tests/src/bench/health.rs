//! The other sides of the benchmark of health checks. A benchmark starts itself again as
//! these, so that their processor time is their own.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{self, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::frames::{frame, message};

const SERVER: &str = "--health-server";
const CONNECTS: &str = "--connects";

/// Runs one of the other sides and never returns, if this process was started to be one.
///
/// # Errors
/// When its sockets fail.
pub fn run_if_asked() -> Result<()> {
    let args: Vec<String> = env::args().collect();
    if args.iter().any(|arg| arg == SERVER) {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(serve())?;
    } else if let Some(at) = args.iter().position(|arg| arg == CONNECTS) {
        let addr = args.get(at + 1).context("an address")?.parse()?;
        let per_second = args.get(at + 2).context("a rate")?.parse()?;
        connect(addr, per_second)?;
    } else {
        return Ok(());
    }
    process::exit(0);
}

async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    rustix::net::listen(&listener, 4096)?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?);
    answer(tokio::net::TcpListener::from_std(listener)?).await
}

/// Answers every request with SERVING, and looks at none.
async fn answer(listener: tokio::net::TcpListener) -> Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let mut bytes = Vec::new();
            let mut preface = 24;
            let mut buffer = vec![0; 1024];
            while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                bytes.extend_from_slice(&buffer[..n]);
                let reply = replies(&mut bytes, &mut preface);
                if stream.write_all(&reply).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// What is to be said to whole frames, which are taken.
fn replies(bytes: &mut Vec<u8>, preface: &mut usize) -> Vec<u8> {
    let mut reply = Vec::new();
    if *preface > 0 {
        if bytes.len() < *preface {
            return reply;
        }
        bytes.drain(..*preface);
        *preface = 0;
        reply.extend(frame(4, 0, 0, &[]));
    }
    while let Some(header) = bytes.get(..9) {
        let len =
            usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
        let (kind, flags) = (header[3], header[4]);
        let stream = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
        if bytes.len() < 9 + len {
            break;
        }
        bytes.drain(..9 + len);
        match (kind, flags & 1) {
            (4, 0) => reply.extend(frame(4, 1, 0, &[])),
            // The end of a request.
            (0 | 1, 1) => {
                let mut headers = vec![0x88, 0x0f, 0x10, 16];
                headers.extend(b"application/grpc");
                let mut trailers = vec![0x00, 11];
                trailers.extend(b"grpc-status");
                trailers.extend([1, b'0']);
                reply.extend(frame(1, 4, stream, &headers));
                reply.extend(frame(0, 0, stream, &message(&[8, 1])));
                reply.extend(frame(1, 5, stream, &trailers));
            }
            _ => {}
        }
    }
    reply
}

/// Connects and hangs up, so often a second, one after the other; writes how often it has
/// for every line it reads.
fn connect(addr: SocketAddr, per_second: u64) -> Result<()> {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    thread::spawn(move || {
        for _ in std::io::stdin().lines() {
            println!("{}", counted.load(Relaxed));
        }
        process::exit(0);
    });
    println!("{addr}");
    let began = Instant::now();
    loop {
        let due = began.elapsed().as_micros() as u64 * per_second / 1_000_000;
        while count.load(Relaxed) < due {
            let stream = TcpStream::connect(addr)?;
            // As a probe does: no TIME_WAIT.
            rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
            count.fetch_add(1, Relaxed);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// One of the other sides; it ends with this.
#[derive(Debug)]
pub struct Child {
    child: process::Child,
    stdin: process::ChildStdin,
    stdout: std::sync::Mutex<BufReader<process::ChildStdout>>,
    /// Where the server listens.
    pub addr: SocketAddr,
}

impl Child {
    /// A backend whose health is SERVING.
    ///
    /// # Errors
    /// When the process does not start.
    pub fn server() -> Result<Self> {
        Self::start(&[SERVER.to_owned()])
    }

    /// Connects to `addr` so often a second.
    ///
    /// # Errors
    /// When the process does not start.
    pub fn connects(addr: SocketAddr, per_second: u64) -> Result<Self> {
        Self::start(&[
            CONNECTS.to_owned(),
            addr.to_string(),
            per_second.to_string(),
        ])
    }

    fn start(args: &[String]) -> Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take().context("piped")?;
        let mut stdout = BufReader::new(child.stdout.take().context("piped")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        Ok(Self {
            child,
            stdin,
            stdout: stdout.into(),
            addr: line.trim().parse()?,
        })
    }

    /// How often it has connected so far.
    ///
    /// # Errors
    /// When it is gone.
    pub fn count(&self) -> Result<u64> {
        (&self.stdin).write_all(b"\n")?;
        let mut line = String::new();
        let mut stdout = self.stdout.lock().expect("not poisoned");
        stdout.read_line(&mut line)?;
        Ok(line.trim().parse()?)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use lookaside_core::Probe;
    use lookaside_server::Probes;

    use super::*;

    #[tokio::test]
    async fn a_probe_finds_the_benchmarks_backend_well() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = listener.local_addr().unwrap().into();
        let server = tokio::spawn(answer(listener));
        let grpc = Probe::Grpc {
            service: "orders".into(),
            tls: false,
        };
        for probe in [Probe::Tcp, grpc] {
            let asked = Probes::default()
                .probe(&target, &probe, Duration::from_secs(10))
                .await;
            assert_eq!(asked, Ok(()), "{probe:?}");
        }
        server.abort();
    }

    #[test]
    fn requests_are_answered_however_they_are_cut() {
        let mut request = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        request.extend(frame(4, 0, 0, &[]));
        for stream in [1, 3] {
            request.extend(frame(1, 4, stream, b"headers"));
            request.extend(frame(0, 1, stream, &message(b"")));
        }
        let whole = replies(&mut request.clone(), &mut 24);
        for cut in 1..request.len() {
            let (mut bytes, mut preface, mut all) = (Vec::new(), 24, Vec::new());
            for part in request.chunks(cut) {
                bytes.extend_from_slice(part);
                all.extend(replies(&mut bytes, &mut preface));
            }
            assert_eq!(all, whole, "cut into {cut}");
        }
    }
}
