//! A name server of a test's own.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use tokio::{net::UdpSocket, task::AbortHandle};

/// What a name server knows of one name and type.
#[derive(Clone, Debug)]
enum Known {
    Records(Vec<Vec<u8>>),
    /// It cannot tell: SERVFAIL.
    Failure,
}

/// A name server on loopback that answers as it is told. Of all else it knows nothing.
#[derive(Debug)]
pub struct NameServer {
    /// Where it answers.
    pub at: SocketAddr,
    state: Arc<Mutex<State>>,
    task: AbortHandle,
}

#[derive(Debug, Default)]
struct State {
    known: Vec<(String, u16, Known)>,
    asked: BTreeSet<String>,
}

const A: u16 = 1;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const SRV: u16 = 33;

impl NameServer {
    /// One that knows nothing yet.
    pub async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let at = socket.local_addr().unwrap();
        let state = Arc::<Mutex<State>>::default();
        let answering = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let mut query = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut query).await {
                let answer = answering.lock().unwrap().answer(&query[..length]);
                let _ = socket.send_to(&answer, from).await;
            }
        });
        Self {
            at,
            state,
            task: task.abort_handle(),
        }
    }

    fn know(&self, name: &str, kind: u16, known: Known) {
        let mut state = self.state.lock().unwrap();
        state.known.push((name.to_owned(), kind, known));
    }

    /// The IPv4 addresses of a name.
    pub fn addresses(&self, name: &str, ips: impl IntoIterator<Item = Ipv4Addr>) {
        let records = ips.into_iter().map(|ip| ip.octets().to_vec());
        self.know(name, A, Known::Records(records.collect()));
    }

    /// The balancer of a name.
    pub fn balancer(&self, name: &str, target: &str, port: u16) {
        self.balancers(name, &[(target, port)]);
    }

    /// The balancers of a name.
    pub fn balancers(&self, name: &str, targets: &[(&str, u16)]) {
        let record = |(target, port): &(&str, u16)| {
            // Priority and weight, both 0.
            let mut record = vec![0; 4];
            record.extend(port.to_be_bytes());
            for label in target.split('.') {
                record.push(u8::try_from(label.len()).unwrap());
                record.extend(label.bytes());
            }
            record.push(0);
            record
        };
        let records = targets.iter().map(record).collect();
        let name = format!("_grpclb._tcp.{name}");
        self.know(&name, SRV, Known::Records(records));
    }

    /// The service config of a name.
    pub fn service_config(&self, name: &str, json: &str) {
        let text = format!(r#"grpc_config=[{{"serviceConfig":{json}}}]"#);
        let mut record = Vec::new();
        for part in text.as_bytes().chunks(255) {
            record.push(u8::try_from(part.len()).unwrap());
            record.extend(part);
        }
        let name = format!("_grpc_config.{name}");
        self.know(&name, TXT, Known::Records(vec![record]));
    }

    /// It cannot tell the addresses of a name.
    pub fn fail_addresses(&self, name: &str) {
        self.know(name, A, Known::Failure);
        self.know(name, AAAA, Known::Failure);
    }

    /// Nor its balancers.
    pub fn fail_balancers(&self, name: &str) {
        self.know(&format!("_grpclb._tcp.{name}"), SRV, Known::Failure);
    }

    /// All names that it was asked for.
    pub fn asked(&self) -> BTreeSet<String> {
        self.state.lock().unwrap().asked.clone()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    /// RFC 1035 section 4: header, question, and the answers under the question's name.
    fn answer(&mut self, query: &[u8]) -> Vec<u8> {
        let (name, end) = question(query);
        let kind = u16::from_be_bytes([query[end], query[end + 1]]);
        self.asked.insert(name.clone());
        let of = |(known, its, _): &&(String, u16, Known)| *known == name && *its == kind;
        let found = self.known.iter().find(of).map(|(_, _, found)| found);
        let (code, records) = match found {
            Some(Known::Records(records)) => (0, records.as_slice()),
            Some(Known::Failure) => (2, &[][..]),
            None => (0, &[][..]),
        };
        let mut answer = query[..2].to_vec();
        // An answer, by authority, to a question that asked for recursion.
        answer.extend([0x85, 0x80 | code]);
        answer.extend([0, 1, 0, u8::try_from(records.len()).unwrap(), 0, 0, 0, 0]);
        answer.extend(&query[12..end + 4]);
        for record in records {
            // The name at offset 12; type, class IN, 60 s.
            answer.extend([0xc0, 12]);
            answer.extend(kind.to_be_bytes());
            answer.extend([0, 1, 0, 0, 0, 60]);
            answer.extend(u16::try_from(record.len()).unwrap().to_be_bytes());
            answer.extend(record);
        }
        answer
    }
}

/// The name that a query is about, without its last dot, and where it ends.
fn question(query: &[u8]) -> (String, usize) {
    let (mut labels, mut at) = (Vec::new(), 12);
    while query[at] != 0 {
        let length = usize::from(query[at]);
        let label = &query[at + 1..=at + length];
        labels.push(String::from_utf8_lossy(label).to_lowercase());
        at += 1 + length;
    }
    (labels.join("."), at + 1)
}
