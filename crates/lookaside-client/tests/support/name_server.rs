//! A scripted name server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "all of it runs in tests"
)]

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use hickory_resolver::proto::{
    op::{Message, MessageType, OpCode, ResponseCode},
    rr::{Name, RData, Record, RecordType, rdata},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
    task::JoinHandle,
};

/// A name server on loopback, over UDP and TCP, that says what the test says. Ends when
/// dropped.
pub struct NameServer {
    pub at: SocketAddr,
    zone: Zone,
    tasks: [JoinHandle<()>; 2],
}

#[derive(Clone, Default)]
struct Zone(Arc<Mutex<Content>>);

#[derive(Default)]
struct Content {
    records: HashMap<(String, RecordType), (u32, Vec<RData>)>,
    failing: Vec<(String, RecordType)>,
    /// Answers over UDP are cut short.
    truncate: bool,
    asked: Vec<String>,
}

impl NameServer {
    pub async fn start() -> Self {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            // The port may be somebody's else's over TCP.
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let zone = Zone::default();
        Self {
            at: udp.local_addr().unwrap(),
            tasks: [
                tokio::spawn(serve_udp(udp, zone.clone())),
                tokio::spawn(serve_tcp(tcp, zone.clone())),
            ],
            zone,
        }
    }

    fn set(&self, name: &str, kind: RecordType, ttl: u32, data: Vec<RData>) {
        let mut zone = self.zone.0.lock().unwrap();
        zone.records.insert((name.to_owned(), kind), (ttl, data));
        zone.failing.retain(|it| *it != (name.to_owned(), kind));
    }

    /// Names are absolute, in lower case, with their trailing dot.
    pub fn addresses(&self, name: &str, ttl: u32, ips: &[&str]) {
        let ips: Vec<IpAddr> = ips.iter().map(|ip| ip.parse().unwrap()).collect();
        let data = |ip: &IpAddr| match ip {
            IpAddr::V4(ip) => RData::A(rdata::A(*ip)),
            IpAddr::V6(ip) => RData::AAAA(rdata::AAAA(*ip)),
        };
        for kind in [RecordType::A, RecordType::AAAA] {
            let of_kind = ips.iter().map(data).filter(|it| it.record_type() == kind);
            self.set(name, kind, ttl, of_kind.collect());
        }
    }

    /// Each priority, weight, port and target.
    pub fn srv(&self, name: &str, ttl: u32, targets: &[(u16, u16, u16, &str)]) {
        let data = targets.iter().map(|(priority, weight, port, target)| {
            let target = Name::from_ascii(target).unwrap();
            RData::SRV(rdata::SRV::new(*priority, *weight, *port, target))
        });
        self.set(name, RecordType::SRV, ttl, data.collect());
    }

    /// One record, in parts.
    pub fn txt(&self, name: &str, ttl: u32, parts: &[&str]) {
        let parts = parts.iter().map(|part| (*part).to_owned()).collect();
        let data = RData::TXT(rdata::TXT::new(parts));
        self.set(name, RecordType::TXT, ttl, vec![data]);
    }

    /// Until there are records.
    pub fn fail(&self, name: &str, kind: RecordType) {
        let mut zone = self.zone.0.lock().unwrap();
        zone.failing.push((name.to_owned(), kind));
    }

    pub fn truncate(&self) {
        self.zone.0.lock().unwrap().truncate = true;
    }

    /// All that was asked so far: protocol, type and name.
    pub fn asked(&self) -> Vec<String> {
        self.zone.0.lock().unwrap().asked.clone()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn serve_udp(socket: UdpSocket, zone: Zone) {
    let mut buffer = [0; 1500];
    loop {
        let (len, peer) = socket.recv_from(&mut buffer).await.unwrap();
        let response = zone.answer(&buffer[..len], "udp");
        socket.send_to(&response, peer).await.unwrap();
    }
}

async fn serve_tcp(listener: TcpListener, zone: Zone) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        while let Ok(len) = stream.read_u16().await {
            let mut request = vec![0; usize::from(len)];
            stream.read_exact(&mut request).await.unwrap();
            let response = zone.answer(&request, "tcp");
            let len = u16::try_from(response.len()).unwrap();
            stream.write_u16(len).await.unwrap();
            stream.write_all(&response).await.unwrap();
        }
    }
}

impl Zone {
    fn answer(&self, request: &[u8], protocol: &str) -> Vec<u8> {
        let request = Message::from_vec(request).unwrap();
        let query = request.queries[0].clone();
        let key = (query.name().to_string().to_lowercase(), query.query_type());
        let mut zone = self.0.lock().unwrap();
        zone.asked.push(format!("{protocol} {} {}", key.1, key.0));
        let mut response = Message::new(request.metadata.id, MessageType::Response, OpCode::Query);
        response.add_query(query.clone());
        let known = zone.records.keys().any(|(name, _)| *name == key.0);
        if zone.failing.contains(&key) {
            response.metadata.response_code = ResponseCode::ServFail;
        } else if protocol == "udp" && zone.truncate {
            response.metadata.truncation = true;
        } else if let Some((ttl, data)) = zone.records.get(&key) {
            for data in data {
                let record = Record::from_rdata(query.name().clone(), *ttl, data.clone());
                response.add_answer(record);
            }
        } else if !known {
            response.metadata.response_code = ResponseCode::NXDomain;
        }
        response.to_vec().unwrap()
    }
}
