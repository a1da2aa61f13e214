//! A list of 1,000 backends that changes by one: how long from the first byte of the message
//! at the client until the new picker is the one that calls use, and that no other connection
//! is touched: `cargo bench -p lookaside-client --bench list`.
//!
//! The balancer and the backends have a thread of their own. Beside it, in the same run, the
//! least that a client does with such a message: decode it, and keep addresses and tokens.

#![allow(clippy::expect_used, reason = "a benchmark may end so")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    hint::black_box,
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use http::HeaderValue;
use lookaside_client::{Address, Channel, ConnectFuture, Connector, Transport};
use lookaside_proto::lb::{
    LoadBalanceResponse, Server, ServerList, load_balance_response::LoadBalanceResponseType,
};
use support::{
    backend::Backend,
    balancer::{Balancer, BalancerStream, drop_entry, server},
    net::Net,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    runtime::Runtime,
    task::yield_now,
};

const BACKENDS: u16 = 1000;
/// As many backends come anew as there are rounds.
const ROUNDS: u16 = 101;

fn main() {
    let servers = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let client = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    run(&servers, &client);
}

fn run(servers: &Runtime, client: &Runtime) {
    let net = Net::default();
    let (backends, mut balancer) = servers.block_on(async {
        let backends: Vec<_> = (0..BACKENDS + ROUNDS)
            .map(|n| Backend::start(&net, at(n)))
            .collect();
        (backends, Balancer::start(&net, BALANCER))
    });
    let arrival = Arrival::default();
    let connector = Noting {
        net: net.clone(),
        arrival: arrival.clone(),
    };
    let channel = client.block_on(async {
        Channel::builder("orders")
            .connector(connector)
            .balancers([BALANCER.to_string()])
            .build()
            .expect("a channel")
    });
    let stream = client.block_on(balancer.stream());
    let mut bench = Bench {
        channel,
        stream,
        arrival,
        list: (0..BACKENDS).map(entry).collect(),
    };
    client.block_on(async {
        bench.stream.list(bench.list.clone());
        let open = |n: usize| backends[n].open() == 1;
        support::eventually("all are connected", async || (0..1000).all(&open)).await;
        bench.settled().await;
    });

    let (mut replaced, mut token, mut drops) = (Vec::new(), Vec::new(), Vec::new());
    let mut least = Vec::new();
    for round in 0..ROUNDS {
        let n = usize::from(round);
        let newcomer = BACKENDS + round;
        bench.list[n] = entry(newcomer);
        replaced.push(client.block_on(bench.change()));
        client.block_on(async {
            let newcomer = &backends[usize::from(newcomer)];
            support::eventually("it is connected", async || newcomer.open() == 1).await;
            bench.settled().await;
        });
        bench.list[n + 500].load_balance_token.push('x');
        token.push(client.block_on(bench.change()));
        client.block_on(bench.settled());
        if round % 2 == 0 {
            bench.list.push(drop_entry("overload"));
        } else {
            bench.list.pop();
        }
        drops.push(client.block_on(bench.change()));
        client.block_on(bench.settled());
        least.push(decode(&bench.list));
    }

    // What was listed all the time, and what came, was connected to once and is open still.
    for (n, backend) in backends.iter().enumerate() {
        assert_eq!(net.connects(backend.at), 1, "{}", backend.at);
        if n >= usize::from(ROUNDS) {
            assert_eq!(backend.open(), 1, "{}", backend.at);
        }
    }
    let entries = bench.list.len();
    print(entries, least, [replaced, token, drops]);
}

fn print(entries: usize, least: Vec<Duration>, changes: [Vec<Duration>; 3]) {
    println!(
        "{BACKENDS} backends, {entries} entries, {ROUNDS} rounds, no connection touched but those \
         of newcomers; budget: 1 ms\n"
    );
    println!("| from the message to the picker | median | longest | ratio |");
    println!("| --- | --- | --- | --- |");
    let baseline = median(&least);
    let (micros, most) = (baseline.as_micros(), longest(&least).as_micros());
    println!("| decode it, keep addresses and tokens | {micros} µs | {most} µs | |");
    let names = [
        "one backend replaced by a new one",
        "one token changed",
        "a drop added or taken out",
    ];
    for (name, times) in names.into_iter().zip(&changes) {
        let ratio = median(times).as_secs_f64() / baseline.as_secs_f64();
        let (median, longest) = (median(times).as_micros(), longest(times).as_micros());
        println!("| {name} | {median} µs | {longest} µs | {ratio:.1} |");
    }
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}

fn longest(times: &[Duration]) -> Duration {
    times.iter().max().copied().unwrap_or_default()
}

const BALANCER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(10, 1, 0, 1)), 7400);

fn at(n: u16) -> SocketAddr {
    let [high, low] = n.to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(10, 0, high, low), 50051))
}

/// With a token as long as a signed one.
fn entry(n: u16) -> Server {
    server(
        at(n),
        &format!("v1.{n:05}.0123456789abcdef0123456789abcdef"),
    )
}

struct Bench {
    channel: Channel,
    stream: BalancerStream,
    arrival: Arrival,
    list: Vec<Server>,
}

impl Bench {
    /// From the message at the client until its picker is in force, and the thread free
    /// again.
    async fn change(&self) -> Duration {
        let before = self.channel.measure_picker();
        self.arrival.expect();
        self.stream.list(self.list.clone());
        while self.channel.measure_picker() == before {
            yield_now().await;
        }
        let now = Instant::now();
        let arrived = self.arrival.time().expect("it came before the picker");
        now.duration_since(arrived)
    }

    /// Until there has been no new picker for a while.
    async fn settled(&self) {
        let (mut last, mut same) = (0, 0);
        while same < 4 {
            let picker = self.channel.measure_picker();
            same = if picker == last { same + 1 } else { 0 };
            last = picker;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The least: a vector of what the list says.
fn decode(list: &[Server]) -> Duration {
    let message = LoadBalanceResponse {
        load_balance_response_type: Some(LoadBalanceResponseType::ServerList(ServerList {
            servers: list.to_vec(),
        })),
    };
    let bytes = prost::Message::encode_to_vec(&message);
    let began = Instant::now();
    let message: LoadBalanceResponse =
        prost::Message::decode(&*bytes).expect("what was encoded just now");
    let Some(LoadBalanceResponseType::ServerList(list)) = message.load_balance_response_type else {
        return Duration::ZERO;
    };
    let kept: Vec<_> = list.servers.iter().filter_map(keep).collect();
    black_box(&kept);
    began.elapsed()
}

fn keep(server: &Server) -> Option<(SocketAddr, HeaderValue)> {
    let ip: [u8; 4] = (*server.ip_address).try_into().ok()?;
    let port = u16::try_from(server.port).ok()?;
    let token = HeaderValue::from_str(&server.load_balance_token).ok()?;
    Some((SocketAddr::from((ip, port)), token))
}

/// When the next byte of the balancer's came.
#[derive(Clone, Default)]
struct Arrival(Arc<Mutex<Expected>>);

#[derive(Default)]
struct Expected {
    expected: bool,
    at: Option<Instant>,
}

impl Arrival {
    fn expect(&self) {
        *self.0.lock().expect("whole") = Expected {
            expected: true,
            at: None,
        };
    }

    fn came(&self) {
        let mut arrival = self.0.lock().expect("whole");
        if std::mem::take(&mut arrival.expected) {
            arrival.at = Some(Instant::now());
        }
    }

    fn time(&self) -> Option<Instant> {
        self.0.lock().expect("whole").at
    }
}

/// Notes when the balancer says something.
struct Noting {
    net: Net,
    arrival: Arrival,
}

impl Connector for Noting {
    fn connect(&self, address: &Address) -> ConnectFuture {
        let connect = self.net.connect(address);
        if address.socket_addr() != Some(BALANCER) {
            return connect;
        }
        let arrival = self.arrival.clone();
        Box::pin(async move {
            let io = connect.await?;
            Ok(Transport::new(Noted { io, arrival }))
        })
    }
}

struct Noted {
    io: Transport,
    arrival: Arrival,
}

impl AsyncRead for Noted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.arrival.came();
        }
        polled
    }
}

impl AsyncWrite for Noted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
