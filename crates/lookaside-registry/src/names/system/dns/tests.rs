use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use hickory_resolver::{
    config::{ConnectionConfig, NameServerConfig},
    proto::{
        op::{Message, MessageType, OpCode, ResponseCode},
        rr::{RData, Record, rdata},
    },
};
use tokio::{net::UdpSocket, time::Instant};

use super::*;
use crate::task::Task;

/// What the name server does with a question.
#[derive(Clone, Copy)]
enum Reply {
    Records(&'static [&'static str], u32),
    Code(ResponseCode),
    Silence,
}

type Rule = fn(name: &str, family: RecordType) -> Reply;

/// A name server on loopback that follows a rule.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    _task: Task,
}

impl Server {
    async fn start(rule: Rule) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (address, log) = (socket.local_addr().unwrap(), Arc::clone(&asked));
        let task = Task::spawn(async move {
            let mut buffer = [0; 1500];
            loop {
                let (len, peer) = socket.recv_from(&mut buffer).await.unwrap();
                let request = Message::from_vec(&buffer[..len]).unwrap();
                let query = request.queries[0].clone();
                let name = query.name().to_string();
                log.lock().unwrap().push(name.clone());
                let mut response =
                    Message::new(request.metadata.id, MessageType::Response, OpCode::Query);
                response.add_query(query.clone());
                match rule(&name, query.query_type()) {
                    Reply::Silence => continue,
                    Reply::Code(code) => response.metadata.response_code = code,
                    Reply::Records(addresses, ttl) => {
                        for address in addresses {
                            let data = match address.parse().unwrap() {
                                IpAddr::V4(ip) => RData::A(rdata::A(ip)),
                                IpAddr::V6(ip) => RData::AAAA(rdata::AAAA(ip)),
                            };
                            let record = Record::from_rdata(query.name().clone(), ttl, data);
                            response.add_answer(record);
                        }
                    }
                }
                let response = response.to_vec().unwrap();
                socket.send_to(&response, peer).await.unwrap();
            }
        });
        Self {
            address,
            asked,
            _task: task,
        }
    }

    fn dns(&self, search: &[&str], ndots: usize) -> Dns {
        let mut connection = ConnectionConfig::udp();
        connection.port = self.address.port();
        let server = NameServerConfig::new(self.address.ip(), true, vec![connection]);
        let search = search.iter().map(|it| it.parse().unwrap()).collect();
        let config = ResolverConfig::from_parts(None, search, vec![server]);
        let mut options = ResolverOpts::default();
        options.ndots = ndots;
        Dns::new(config, options).unwrap()
    }

    fn asked(&self) -> Vec<String> {
        let mut names = self.asked.lock().unwrap().clone();
        names.dedup();
        names
    }
}

async fn lookup(dns: &Dns, host: &str) -> Result<Answer, LookupError> {
    let name = Name::from_str_relaxed(host).unwrap();
    timeout(Duration::from_secs(60), dns.lookup(name))
        .await
        .expect("not within a minute")
}

fn sorted(answer: &Answer) -> Vec<String> {
    let mut addresses: Vec<_> = answer.addresses.iter().map(ToString::to_string).collect();
    addresses.sort();
    addresses
}

#[tokio::test]
async fn both_families_are_found_and_the_shorter_time_to_live_counts() {
    let server = Server::start(|_, family| match family {
        RecordType::A => Reply::Records(&["10.0.0.1", "10.0.0.2"], 300),
        _ => Reply::Records(&["fd00::1"], 20),
    })
    .await;
    let answer = lookup(&server.dns(&[], 1), "orders.example").await.unwrap();
    assert_eq!(sorted(&answer), ["10.0.0.1", "10.0.0.2", "fd00::1"]);
    assert_eq!(answer.ttl, Duration::from_secs(20));
    assert_eq!(answer.incomplete, None);
}

#[tokio::test]
async fn a_name_with_one_family_is_whole() {
    for family in [RecordType::A, RecordType::AAAA] {
        let rule: Rule = match family {
            RecordType::A => |_, family| match family {
                RecordType::A => Reply::Records(&["10.0.0.1"], 20),
                _ => Reply::Records(&[], 0),
            },
            _ => |_, family| match family {
                RecordType::AAAA => Reply::Records(&["fd00::1"], 20),
                _ => Reply::Records(&[], 0),
            },
        };
        let server = Server::start(rule).await;
        let answer = lookup(&server.dns(&[], 1), "orders.example").await.unwrap();
        assert_eq!((answer.addresses.len(), &answer.incomplete), (1, &None));
        assert_eq!(answer.ttl, Duration::from_secs(20));
    }
}

#[tokio::test]
async fn a_family_that_gets_no_answer_or_an_error_makes_the_answer_incomplete() {
    let rules: [Rule; 2] = [
        |_, family| match family {
            RecordType::A => Reply::Records(&["10.0.0.1"], 20),
            _ => Reply::Silence,
        },
        |_, family| match family {
            RecordType::A => Reply::Records(&["10.0.0.1"], 20),
            _ => Reply::Code(ResponseCode::ServFail),
        },
    ];
    for rule in rules {
        let server = Server::start(rule).await;
        let begun = Instant::now();
        let answer = lookup(&server.dns(&[], 1), "orders.example").await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(4), "waited too long");
        assert_eq!(sorted(&answer), ["10.0.0.1"]);
        assert!(answer.incomplete.is_some());
    }
}

#[tokio::test]
async fn what_does_not_exist_is_told_from_what_cannot_be_asked() {
    let server = Server::start(|name, _| match name {
        "gone.example." => Reply::Code(ResponseCode::NXDomain),
        "empty.example." => Reply::Records(&[], 0),
        _ => Reply::Code(ResponseCode::Refused),
    })
    .await;
    let dns = server.dns(&[], 1);
    for host in ["gone.example", "empty.example"] {
        assert_eq!(lookup(&dns, host).await, Err(LookupError::NoAddress));
    }
    let error = lookup(&dns, "refused.example").await.unwrap_err();
    assert!(matches!(error, LookupError::Failed(_)), "{error}");
}

#[tokio::test]
async fn the_server_is_asked_each_time() {
    let server = Server::start(|name, family| match (name, family) {
        ("orders.example.", RecordType::A) => Reply::Records(&["10.0.0.1"], 300),
        _ => Reply::Code(ResponseCode::NXDomain),
    })
    .await;
    let dns = server.dns(&[], 1);
    for times in 1..=3 {
        lookup(&dns, "orders.example").await.unwrap();
        let _gone = lookup(&dns, "gone.example").await.unwrap_err();
        assert_eq!(server.asked.lock().unwrap().len(), 4 * times);
    }
}

#[tokio::test]
async fn the_search_list_is_gone_through_with_both_families_at_each_name() {
    // The second suffix has a family that the first lacks: not the same host.
    let server = Server::start(|name, family| match (name, family) {
        ("orders.one.example.", RecordType::A) => Reply::Records(&["10.0.0.1"], 20),
        ("orders.one.example.", _) => Reply::Records(&[], 0),
        ("orders.two.example.", _) => Reply::Records(&["fd00::2"], 20),
        ("broken.one.example.", _) => Reply::Code(ResponseCode::ServFail),
        ("broken.two.example.", RecordType::A) => Reply::Records(&["10.0.0.2"], 20),
        _ => Reply::Code(ResponseCode::NXDomain),
    })
    .await;
    let dns = server.dns(&["one.example.", "two.example."], 1);
    let answer = lookup(&dns, "orders").await.unwrap();
    assert_eq!(sorted(&answer), ["10.0.0.1"]);
    assert_eq!(server.asked(), ["orders.one.example."]);

    let answer = lookup(&dns, "broken").await.unwrap();
    assert_eq!(sorted(&answer), ["10.0.0.2"]);
}

#[tokio::test]
async fn dots_decide_whether_a_name_is_tried_as_it_is_first() {
    let server = Server::start(|_, _| Reply::Code(ResponseCode::NXDomain)).await;
    let names = |dns: &Dns, host: &str| {
        let names = dns.full_names(Name::from_str_relaxed(host).unwrap());
        names.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let dns = server.dns(&["ns.svc."], 2);
    assert_eq!(names(&dns, "a"), ["a.ns.svc.", "a."]);
    assert_eq!(names(&dns, "a.b"), ["a.b.ns.svc.", "a.b."]);
    assert_eq!(names(&dns, "a.b.c"), ["a.b.c.", "a.b.c.ns.svc."]);
    assert_eq!(names(&dns, "a."), ["a."]);
    assert_eq!(
        names(&dns, "under_score"),
        ["under_score.ns.svc.", "under_score."]
    );
    assert_eq!(names(&dns, "localhost"), ["localhost."]);
}

#[tokio::test]
async fn localhost_is_asked_of_nobody() {
    let server = Server::start(|_, _| Reply::Code(ResponseCode::NXDomain)).await;
    let dns = server.dns(&["ns.svc."], 5);
    let answer = lookup(&dns, "localhost").await.unwrap();
    assert_eq!(sorted(&answer), ["127.0.0.1", "::1"]);
    assert!(server.asked().is_empty());
}
