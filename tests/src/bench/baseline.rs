//! The least that any server could do: one write of ready-made frames per socket.
//!
//! A benchmark starts itself again as this server, so that its processor time is its own.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};

use super::frames::{answer, data};

const FLAG: &str = "--baseline-server";

/// Runs the server and never returns, if this process was started to be one.
///
/// # Errors
/// When the sockets fail.
pub fn serve_if_asked() -> Result<()> {
    let mut args = env::args().skip_while(|arg| arg != FLAG);
    if args.next().is_none() {
        return Ok(());
    }
    let count: usize = args.next().context("how many clients")?.parse()?;
    let size: usize = args.next().context("the size of a list")?.parse()?;
    serve(count, size)?;
    std::process::exit(0);
}

fn serve(count: usize, size: usize) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    // The standard library's queue of 128 would make a crowd wait for its own retries.
    rustix::net::listen(&listener, 4096)?;
    println!("{}", listener.local_addr()?);
    // A oneof's server list (field 2) of `size` bytes, its content of no interest.
    let mut list = vec![0x12];
    let mut len = size;
    while len >= 0x80 {
        list.push((len & 0x7f) as u8 | 0x80);
        len >>= 7;
    }
    list.push(len as u8);
    list.resize(list.len() + size, 0);

    let first = [answer(&[0x0a, 0]), data(&list)].concat();
    let mut sockets: Vec<TcpStream> = Vec::with_capacity(count);
    let mut opening = [0; 1024];
    while sockets.len() < count {
        let (mut socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        let _ = socket.read(&mut opening)?;
        socket.write_all(&first)?;
        sockets.push(socket);
    }
    let update = data(&list);
    for line in std::io::stdin().lines() {
        line?;
        for socket in &mut sockets {
            socket.write_all(&update)?;
        }
    }
    Ok(())
}

/// A running baseline server.
#[derive(Debug)]
pub struct Baseline {
    child: Child,
    trigger: ChildStdin,
    _stdout: BufReader<ChildStdout>,
    /// Where it listens.
    pub addr: SocketAddr,
}

impl Baseline {
    /// Starts one for `count` clients and lists of `size` bytes.
    ///
    /// # Errors
    /// When the process does not start.
    pub fn start(count: usize, size: usize) -> Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .args([FLAG, &count.to_string(), &size.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let trigger = child.stdin.take().context("piped")?;
        let mut stdout = BufReader::new(child.stdout.take().context("piped")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let addr = line.trim().parse()?;
        Ok(Self {
            child,
            trigger,
            _stdout: stdout,
            addr,
        })
    }

    /// Lets it write to every socket.
    ///
    /// # Errors
    /// When it is gone.
    pub fn push(&mut self) -> Result<()> {
        Ok(self.trigger.write_all(b"\n")?)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Baseline {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How long any one push may take before a benchmark gives up.
pub const BOUND: Duration = Duration::from_secs(60);
