//! What a person with grpcurl sees, asked by a client of our own that knows nothing but what
//! reflection tells it: both versions, both ports.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result};
use lookaside_tests::{
    Backend, Balancer, eventually,
    grpcurl::{Command, Ended, Ran, Reflected, Version, What, run},
    inspect,
    poll::check,
    process::PATIENCE,
};
use serde_json::{Value, json};
use tonic::Code;

const VERSIONS: [Version; 2] = [Version::V1, Version::V1Alpha];

/// What every port serves.
const SERVED: [&str; 5] = [
    "grpc.health.v1.Health",
    "grpc.lb.v1.LoadBalancer",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "lookaside.v1.Inspect",
];

/// A balancer and two backends of `orders`, of weights 3 and 1.
async fn deployment() -> (Balancer, Vec<Backend>) {
    let balancer = Balancer::on("memory:").await;
    let at = balancer.addr.to_string();
    let mut backends = Vec::new();
    for (name, weight) in [("a", "3"), ("b", "1")] {
        let of = ["--service", "orders", "--id", name, "--weight", weight];
        let args = [&of[..], &["--balancer", &at]].concat();
        backends.push(Backend::with(name, "127.0.0.1:0", &args).await);
    }
    eventually("both are planned with", PATIENCE, async || {
        let service = inspect::service(balancer.addr, "orders").await;
        let seen = service.map(|it| (it.backends.len(), it.slots));
        check(matches!(seen, Ok((2, 4))), format!("{seen:?}"))
    })
    .await;
    (balancer, backends)
}

fn ports(balancer: &Balancer) -> [(&'static str, SocketAddr); 2] {
    [
        ("client port", balancer.addr),
        ("admin port", balancer.admin),
    ]
}

async fn call(address: SocketAddr, version: Version, method: &str, data: &Value) -> Result<Ran> {
    let what = What::Call {
        method: method.to_owned(),
        data: data.to_string(),
    };
    let mut command = Command::new(address, what);
    if method.ends_with("/WatchService") {
        // It goes on for ever: what is there now comes at once.
        command.max_time = Duration::from_secs(2);
    }
    run(&command, version).await
}

#[tokio::test]
async fn both_versions_on_both_ports_list_and_describe_all_there_is() -> Result<()> {
    let balancer = Balancer::on("memory:").await;
    for (port, address) in ports(&balancer) {
        for version in VERSIONS {
            let at = format!("{port}, {version:?}");
            let reflected = Reflected::ask(inspect::connect(address).await?, version).await?;
            let mut listed = reflected.services().to_vec();
            listed.sort();
            let mut expected = [&SERVED[..], &["lookaside.v1.Registration"]].concat();
            if port == "admin port" {
                expected.push("lookaside.v1.Control");
            }
            expected.sort_unstable();
            assert_eq!(listed, expected, "{at}");
            let mut described = 0;
            for service in reflected.services() {
                for method in reflected.methods(service)? {
                    let text = reflected.describe(&method)?;
                    assert!(
                        text.starts_with(&format!("{method} is a method:\nrpc ")),
                        "{text}"
                    );
                    // And what it takes and gives, as a person would who writes a request.
                    for message in text.split(' ').filter(|it| it.starts_with('.')) {
                        let text = reflected.describe(message)?;
                        assert!(text.contains(" is a message:\n"), "{at}: {text}");
                    }
                    described += 1;
                }
            }
            assert!(described >= 15, "{at}: only {described} methods");
            let everything = Command::new(address, What::Describe(None));
            let all = run(&everything, version).await?;
            for name in SERVED {
                assert!(
                    all.output.contains(&format!("{name} is a service:\n")),
                    "{name}"
                );
            }
            let text = reflected.describe("grpc.lb.v1.LoadBalancer.BalanceLoad")?;
            let line = "rpc BalanceLoad ( stream .grpc.lb.v1.LoadBalanceRequest ) \
                        returns ( stream .grpc.lb.v1.LoadBalanceResponse );";
            assert!(text.contains(line), "{text}");
            let text = reflected.describe(".grpc.lb.v1.Server")?;
            assert!(
                text.contains("  string load_balance_token = 3;\n"),
                "{text}"
            );
            assert!(reflected.describe("lookaside.v1.Nothing").is_err());
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_protocol_can_be_spoken_by_hand() -> Result<()> {
    let (balancer, backends) = deployment().await;
    for (port, address) in ports(&balancer) {
        for version in VERSIONS {
            let at = format!("{port}, {version:?}");
            let health = "grpc.health.v1.Health/Check";
            let ran = call(address, version, health, &json!({})).await?;
            assert_eq!(ran.messages, [json!({"status": "SERVING"})], "{at}");
            assert_eq!(ran.output, "{\n  \"status\": \"SERVING\"\n}\n");
            let balance = "grpc.lb.v1.LoadBalancer/BalanceLoad";
            let initial = json!({"initial_request": {"name": "orders"}});
            let ran = call(address, version, balance, &initial).await?;
            assert_eq!(ran.ended, Ended::ok(), "{at}: it half-closed, so it ends");
            let [first, list] = &ran.messages[..] else {
                panic!("{at}: {ran:?}");
            };
            assert_eq!(first["initialResponse"]["clientStatsReportInterval"], "10s");
            let servers = list["serverList"]["servers"]
                .as_array()
                .context("servers")?;
            let port_of = |it: &Backend| u64::from(it.addr.port());
            let slots = |backend| {
                let slots = servers.iter().filter(|it| it["port"] == port_of(backend));
                slots.count()
            };
            assert_eq!(
                backends.iter().map(slots).collect::<Vec<_>>(),
                [3, 1],
                "{at}"
            );
            assert_eq!(servers[0]["ipAddress"], "fwAAAQ==", "127.0.0.1");
            // Refused before anything is said, with what is wrong.
            let nobody = json!({"initial_request": {"name": "nobody"}});
            let ran = call(address, version, balance, &nobody).await?;
            assert_eq!(
                (ran.ended.code, &ran.messages[..]),
                (Code::NotFound, &[][..]),
                "{at}"
            );
            assert!(ran.ended.message.contains("nobody"), "{ran:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn every_question_of_inspection_is_answered_in_words_that_a_person_reads() -> Result<()> {
    let (balancer, backends) = deployment().await;
    let held = lookaside_tests::wire::Stream::open(balancer.addr, "orders").await?;
    for (port, address) in ports(&balancer) {
        let get = "lookaside.v1.Inspect/GetService";
        let service = call(address, Version::V1, get, &json!({"name": "orders:443"})).await?;
        let service = service.messages.first().context("a service")?;
        let token = service["backends"][0]["token"].clone();
        let mut asked = Vec::new();
        for (method, data, holds) in [
            (
                "GetStatus",
                json!({}),
                json!({"ready": true, "services": 1}),
            ),
            (
                "ListServices",
                json!({}),
                json!({"services": [{"name": "orders", "slots": 4}]}),
            ),
            (
                "GetService",
                json!({"name": "orders"}),
                json!({"plan": "slots", "backends": [
                    {"id": "a", "address": backends[0].addr.to_string(), "weight": 3,
                     "slots": 3, "sharePercent": 75.0, "state": "serving", "key": "orders/a"},
                    {"id": "b", "sharePercent": 25.0}]}),
            ),
            (
                "WatchService",
                json!({"name": "orders"}),
                json!({"name": "orders", "slots": 4}),
            ),
            (
                "ListStreams",
                json!({"service": "orders"}),
                json!({"total": 1, "streams": [{"service": "orders", "state": "current"}]}),
            ),
            (
                "Explain",
                json!({"service": "orders", "backend": "a"}),
                json!({"backend": {"id": "a"}, "exactPercent": 75.0, "steps": [{}]}),
            ),
            (
                "GetConfiguration",
                json!({}),
                json!({"keys": [{"name": "listen", "source": "flag", "origin": "--listen"}]}),
            ),
            (
                "FindToken",
                json!({"token": token}),
                json!({"service": "orders", "id": "a", "signature": "NONE", "current": true}),
            ),
        ] {
            let method = format!("lookaside.v1.Inspect/{method}");
            let ran = call(address, Version::V1, &method, &data).await?;
            let watches = method.ends_with("WatchService");
            let expected = if watches {
                Code::DeadlineExceeded
            } else {
                Code::Ok
            };
            assert_eq!(ran.ended.code, expected, "{port}: {method}: {ran:?}");
            let said = ran.messages.first().context("a message")?;
            assert!(
                within(&holds, said),
                "{port}: {method}: {said:#} has not {holds:#}"
            );
            asked.push(method.replace('/', "."));
        }
        let reflected = Reflected::ask(inspect::connect(address).await?, Version::V1).await?;
        asked.sort();
        let mut there_are = reflected.methods("lookaside.v1.Inspect")?;
        there_are.sort();
        assert_eq!(asked, there_are, "a method that nobody asks here");
    }
    drop(held);
    Ok(())
}

/// Whether `said` has all that `wanted` has; of arrays, their first items.
fn within(wanted: &Value, said: &Value) -> bool {
    match (wanted, said) {
        (Value::Object(wanted), Value::Object(said)) => wanted
            .iter()
            .all(|(key, wanted)| said.get(key).is_some_and(|said| within(wanted, said))),
        (Value::Array(wanted), Value::Array(said)) => {
            wanted.len() <= said.len() && wanted.iter().zip(said).all(|(a, b)| within(a, b))
        }
        (wanted, said) => wanted == said,
    }
}
