use std::{
    env,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// So many that no queue of connections to accept is full.
const LISTENERS: usize = 64;

/// An empty SETTINGS frame, and the acknowledgement of the other's.
const SETTINGS: [u8; 18] = [
    0, 0, 0, 4, 0, 0, 0, 0, 0, //
    0, 0, 0, 4, 1, 0, 0, 0, 0,
];

/// The other end of all connections: says what an HTTP/2 server must say, and no more.
pub(crate) async fn run() {
    for _ in 0..LISTENERS {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a port");
        println!("{}", listener.local_addr().expect("bound"));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket));
            }
        });
    }
    println!();
    // Ended by who started it.
    std::future::pending::<()>().await;
}

async fn serve(mut socket: TcpStream) {
    let mut buffer = [0; 256];
    let mut begun = false;
    while let Ok(1..) = socket.read(&mut buffer).await {
        if !begun && socket.write_all(&SETTINGS).await.is_err() {
            return;
        }
        begun = true;
    }
}

/// That process.
pub(crate) struct Peer {
    process: Child,
    addresses: Vec<SocketAddr>,
}

impl Peer {
    pub(crate) fn start() -> Self {
        let mut process = Command::new(env::current_exe().expect("this program"))
            .arg("peer")
            .stdout(Stdio::piped())
            .spawn()
            .expect("a peer");
        let output = BufReader::new(process.stdout.take().expect("piped"));
        let lines = output.lines().map_while(Result::ok);
        let addresses = lines
            .take_while(|line| !line.is_empty())
            .map(|line| line.parse().expect("an address"))
            .collect();
        Self { process, addresses }
    }

    /// Where the `n`th connection goes.
    pub(crate) fn address(&self, n: usize) -> SocketAddr {
        self.addresses[n % self.addresses.len()]
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
