//! Inspection of a balancer that follows etcd: every question, over gRPC and from the
//! command line, and whether the answers are true.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use lookaside_proto::{
    lb::ClientStats,
    v1::{
        ExplainRequest, FindTokenRequest, GetConfigurationRequest, ListServicesRequest,
        ListStreamsRequest, Service, WatchServiceRequest, find_token_response::Signature,
        inspect_client::InspectClient, registry::State,
    },
};
use lookaside_tests::{
    Balancer, Etcd, Process, binary, cli, eventually, inspect,
    inspect::{connect, service, status},
    poll::check,
    process::PATIENCE,
    schema::violations,
    wire::Stream,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use tonic::transport::Channel;

async fn client(balancer: &Balancer) -> Result<InspectClient<Channel>> {
    Ok(InspectClient::new(connect(balancer.addr).await?))
}

/// What the command prints with `--json`, held against its schema.
fn said(balancer: &Balancer, args: &[&str]) -> Value {
    let at = balancer.addr.to_string();
    let output = cli::run(&[args, &["--json", "--balancer", &at]].concat());
    assert_eq!(output.status, 0, "{args:?}: {output:?}");
    let value: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
    assert_eq!(violations(args[0], &value), [""; 0], "{args:?}: {value:#}");
    value
}

/// As people see it.
fn shown(balancer: &Balancer, args: &[&str]) -> String {
    let at = balancer.addr.to_string();
    let output = cli::run(&[args, &["--balancer", &at]].concat());
    assert_eq!(output.status, 0, "{args:?}: {output:?}");
    output.stdout
}

async fn until(balancer: &Balancer, what: &str, holds: impl Fn(&Service) -> bool) -> Service {
    eventually(what, PATIENCE, async || {
        let seen = service(balancer.addr, "orders").await;
        let seen = seen.map_err(|error| error.to_string())?;
        if holds(&seen) {
            Ok(seen)
        } else {
            Err(format!("{seen:?}"))
        }
    })
    .await
}

/// Backends in every state that a registry alone can bring about, and two keys that cannot
/// be read.
async fn registered(etcd: &Etcd) {
    for (id, metadata) in [
        ("a", json!({ "weight": 3, "zone": "eu-1" })),
        ("b", json!({ "weight": 1, "zone": "eu-2" })),
        ("idle", json!({ "weight": 0 })),
        ("leaving", json!({ "weight": 5, "state": "draining" })),
    ] {
        let address = format!("127.0.0.1:{}", 1001 + id.len());
        let value = json!({ "Addr": address, "Metadata": metadata }).to_string();
        etcd.put(&format!("services/orders/{id}"), &value).await;
    }
    etcd.put("services/orders/junk", "no JSON at all").await;
    etcd.put("lookaside/config/orders", r#"{"max_slots":"many"}"#)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_shown_with_each_backends_state_and_why_and_what_cannot_be_read() -> Result<()>
{
    let etcd = Etcd::start().await;
    let before = SystemTime::now();
    registered(&etcd).await;
    let balancer = Balancer::on(&etcd.url()).await;
    let (at, admin) = (balancer.addr, balancer.admin.to_string());
    let drain = [
        "drain", "orders", "b", "--reason", "a test", "--by", "alice",
    ];
    assert_eq!(
        cli::run(&[&drain[..], &["--balancer", &admin]].concat()).status,
        0
    );
    let seen = until(&balancer, "the drain", |it| {
        it.backends
            .iter()
            .any(|it| it.id == "b" && it.state == "drained")
    })
    .await;

    assert_eq!(
        (&*seen.name, &*seen.plan, seen.slots),
        ("orders", "slots", 1)
    );
    let told = |id: &str| {
        let found = seen.backends.iter().find(|it| it.id == id);
        found.with_context(|| format!("{id} in {seen:?}"))
    };
    for (id, weight, slots, share, zone, state, reason) in [
        ("a", 3, 1, 100.0, "eu-1", "serving", ""),
        (
            "b",
            1,
            0,
            0.0,
            "eu-2",
            "drained",
            "drained by override of alice: a test",
        ),
        ("idle", 0, 0, 0.0, "", "drained", "its weight is 0"),
        (
            "leaving",
            5,
            0,
            0.0,
            "",
            "draining",
            "leaving by its own word",
        ),
    ] {
        let it = told(id)?;
        let fields = (it.weight, it.slots, it.share_percent, &*it.zone);
        assert_eq!(fields, (weight, slots, share, zone), "{it:?}");
        assert_eq!((&*it.state, &*it.reason), (state, reason));
        let key = format!("services/orders/{id}");
        assert_eq!(it.key, key);
        let there = etcd.client().await.get(&*key, None).await?;
        assert_eq!(
            Some(it.revision),
            there.kvs().first().map(|it| it.mod_revision())
        );
        let since = SystemTime::try_from(it.state_since.context("since when")?)?;
        assert!(since >= before && since <= SystemTime::now(), "{since:?}");
    }
    let mut problems: Vec<_> = seen
        .problems
        .iter()
        .map(|it| (&*it.key, &*it.reason))
        .collect();
    problems.sort_unstable();
    let [(settings, why), (junk, why_junk)] = problems[..] else {
        panic!("{problems:?}");
    };
    assert_eq!(
        (settings, junk),
        ("lookaside/config/orders", "services/orders/junk")
    );
    assert!(why.contains("max_slots"), "{why}");
    assert!(!why_junk.is_empty());
    assert!(seen.problems.iter().all(|it| it.revision > 0));
    assert_eq!(status(at).await?.problems, 2);

    // The same from the command line, for scripts and for people.
    let json = said(&balancer, &["service", "orders"]);
    let b = json["backends"]
        .as_array()
        .and_then(|all| all.iter().find(|it| it["id"] == "b"));
    let b = b.context("b")?;
    assert_eq!(b["reason"], "drained by override of alice: a test");
    assert_eq!(b["key"], "services/orders/b");
    assert_eq!(b["revision"], told("b")?.revision);
    assert!(b["state_since"].is_string(), "{b}");
    assert_eq!(json["overrides"][0]["reason"], "a test");
    assert_eq!(json["problems"].as_array().map(Vec::len), Some(2));
    let text = shown(&balancer, &["service", "orders"]);
    for part in [
        "drained by override of alice: a test",
        "services/orders/junk",
        "max_slots",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let listed = client(&balancer)
        .await?
        .list_services(ListServicesRequest {})
        .await?;
    let listed = listed.into_inner().services;
    assert_eq!(
        (&*listed[0].name, listed[0].backends, listed[0].problems),
        ("orders", 4, 2)
    );
    let summary = &said(&balancer, &["services"])["services"][0];
    assert_eq!(
        (&summary["backends"], &summary["problems"]),
        (&json!(4), &json!(2))
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_tells_of_every_change_that_is_waited_for() -> Result<()> {
    let etcd = Etcd::start().await;
    let balancer = Balancer::on(&etcd.url()).await;
    // Of a service that is not there yet, twice.
    let request = WatchServiceRequest {
        name: "orders".to_owned(),
    };
    let mut watched = client(&balancer)
        .await?
        .watch_service(request)
        .await?
        .into_inner();
    let mut command = std::process::Command::new(binary::lookaside());
    let at = balancer.addr.to_string();
    command.args(["watch", "orders", "--json", "--balancer", &at]);
    let mut watch = Process::spawn("watch", &mut command);

    for (step, ids) in [
        (Some("a"), &["a"][..]),
        (Some("b"), &["a", "b"]),
        (None, &["b"]),
    ] {
        match step {
            Some(id) => etcd.put_backend("orders", id, "127.0.0.1:1001", 100).await,
            None => etcd.delete_backend("orders", "a").await,
        }
        let next = tokio::time::timeout(PATIENCE, watched.message()).await??;
        let next = next.context("it goes on")?;
        let now: Vec<_> = next.backends.iter().map(|it| &*it.id).collect();
        assert_eq!(now, ids);
        let told = |line: &str| {
            let value: Value = serde_json::from_str(line).ok()?;
            assert_eq!(violations("watch", &value), [""; 0], "{value:#}");
            let all = value["backends"].as_array()?;
            let told: Vec<_> = all.iter().filter_map(|it| it["id"].as_str()).collect();
            (told == ids && value["plan_version"] == next.plan_version).then_some(())
        };
        watch.line(&format!("{ids:?}"), told).await;
    }
    watch.signal(Signal::INT);
    assert_eq!(watch.ended().await.code(), Some(0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_shown_with_its_peer_what_it_was_sent_and_what_it_reported() -> Result<()> {
    let etcd = Etcd::start().await;
    registered(&etcd).await;
    let balancer = Balancer::on(&etcd.url()).await;
    let mut first = Stream::open(balancer.addr, "orders").await?;
    first.list().await?;
    let mut second = Stream::open(balancer.addr, "orders.:443").await?;
    second.list().await?;
    etcd.put_backend("orders", "c", "127.0.0.1:1009", 1).await;
    for stream in [&mut first, &mut second] {
        stream
            .list_where(|list| list.iter().any(|it| it.port == 1009))
            .await?;
    }
    let stats = ClientStats {
        num_calls_started: 7,
        num_calls_finished: 6,
        ..ClientStats::default()
    };
    first.report(stats).await?;

    let streams = eventually("both are current, the report is in", PATIENCE, async || {
        let request = ListStreamsRequest {
            service: "orders".to_owned(),
            ..Default::default()
        };
        let mut client = client(&balancer).await.map_err(|e| e.to_string())?;
        let seen = client
            .list_streams(request)
            .await
            .map_err(|e| e.to_string())?;
        let seen = seen.into_inner().streams;
        let done =
            seen.len() == 2 && seen.iter().all(|it| it.state == "current") && seen[0].reports == 1;
        check(done, seen).map_err(|seen| format!("{seen:?}"))
    })
    .await;
    let planned = service(balancer.addr, "orders").await?;
    for it in &streams {
        assert_eq!((&*it.service, &*it.plan), ("orders", "slots"));
        assert!(it.peer.starts_with("127.0.0.1:"), "{it:?}");
        assert!(it.user_agent.starts_with("tonic/"), "{it:?}");
        assert_eq!(
            (it.plan_version, it.revision),
            (planned.plan_version, planned.revision)
        );
        assert_eq!((it.pushes, it.unread_bytes), (2, 0));
        let (since, sent) = (it.since.context("since")?, it.sent_at.context("sent")?);
        assert!((since.seconds, since.nanos) <= (sent.seconds, sent.nanos));
        assert!(it.age.is_some() && it.sent_age.is_some());
    }
    assert_ne!(
        streams[0].rotation, streams[1].rotation,
        "they start at different places"
    );
    assert_eq!((streams[0].reports, streams[0].calls_started), (1, 7));
    assert!(streams[0].reported_at.is_some());
    assert_eq!((streams[1].reports, streams[1].reported_at), (0, None));

    let json = said(&balancer, &["streams", "orders"]);
    let one = &json["streams"][0];
    assert_eq!(one["peer"], streams[0].peer);
    assert_eq!(one["calls_started"], 7);
    assert_eq!(one["rotation"], streams[0].rotation);
    let text = shown(&balancer, &["streams"]);
    assert!(streams.iter().all(|it| text.contains(&it.peer)), "{text}");

    // Why a has its share, for the very client that asks.
    let request = ExplainRequest {
        service: "orders".to_owned(),
        backend: "a".to_owned(),
        stream: streams[1].id,
        ..ExplainRequest::default()
    };
    let told = client(&balancer)
        .await?
        .explain(request)
        .await?
        .into_inner();
    assert_eq!(
        (told.registered_weight, told.weight, told.total_weight),
        (3, 3, 5)
    );
    assert_eq!(
        (told.slots, told.backend_slots, told.share_percent),
        (3, 5, 60.0)
    );
    let names: Vec<_> = told.steps.iter().map(|it| &*it.name).collect();
    let in_order = [
        "registered",
        "overrides",
        "address",
        "state",
        "health",
        "plan",
        "weight",
        "slots",
        "drops",
        "share",
    ];
    assert_eq!(names, in_order);
    assert!(told.steps[0].text.contains("services/orders/a"), "{told:?}");
    let of = told.streams.first().context("the stream")?;
    assert!(
        of.is_current && of.calls_before.is_some_and(|it| it < 5),
        "{of:?}"
    );
    let stream = streams[1].id.to_string();
    let json = said(&balancer, &["explain", "orders", "a", "--stream", &stream]);
    assert_eq!(json["share_percent"], 60.0);
    let text = shown(&balancer, &["explain", "orders", "a"]);
    assert!(text.contains("weight 3, zone eu-1"), "{text}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_balancer_says_what_it_is_how_its_registry_is_and_what_it_was_told() -> Result<()> {
    let mut etcd = Etcd::start().await;
    registered(&etcd).await;
    let files = tempfile::tempdir()?;
    let config = files.path().join("lookaside.toml");
    std::fs::write(&config, "[lists]\nmax_slots = 64\n")?;
    let config = config.display().to_string();
    let balancer = Balancer::start(["--registry", &etcd.url(), "--config", &config]).await;

    let seen = status(balancer.addr).await?;
    assert!(seen.ready && seen.not_ready_reason.is_empty());
    assert_eq!(seen.version, env!("CARGO_PKG_VERSION"));
    let build = seen.build.context("its build")?;
    assert!(
        build.rustc.starts_with("rustc ") && build.target.contains('-'),
        "{build:?}"
    );
    assert!(["debug", "release"].contains(&&*build.profile));
    let registry = seen.registry.context("its registry")?;
    assert_eq!(
        (&*registry.url, registry.state()),
        (&*etcd.url(), State::Synced)
    );
    assert_eq!(registry.error, "");
    assert_eq!((seen.services, seen.open_streams, seen.problems), (1, 0, 2));
    let json = said(&balancer, &["status"]);
    assert_eq!(json["registry"]["state"], "synced");
    assert!(shown(&balancer, &["status"]).contains(&format!("{} at revision", etcd.url())));

    let request = GetConfigurationRequest {};
    let told = client(&balancer)
        .await?
        .get_configuration(request)
        .await?
        .into_inner();
    let key = |name: &str| told.keys.iter().find(|it| it.name == name).cloned();
    for (name, value, source, origin) in [
        ("registry", &*etcd.url(), "flag", "--registry"),
        ("lists.max_slots", "64", "file", &*config),
        ("lists.quiet", "100ms", "default", ""),
    ] {
        let it = key(name).with_context(|| format!("{name} in {told:?}"))?;
        assert_eq!(
            (&*it.value, &*it.source, &*it.origin),
            (value, source, origin)
        );
    }
    let json = said(&balancer, &["settings"]);
    let set = json["settings"].as_array().context("settings")?;
    assert!(
        set.iter()
            .any(|it| it["value"] == "64" && it["source"] == "file"),
        "{json}"
    );

    let a = service(balancer.addr, "orders").await?.backends.remove(0);
    let request = FindTokenRequest {
        token: a.token.clone(),
    };
    let found = client(&balancer)
        .await?
        .find_token(request)
        .await?
        .into_inner();
    assert_eq!(
        (&*found.service, &*found.id, &*found.address),
        ("orders", "a", &*a.address)
    );
    assert!(found.current && found.signature() == Signature::None);
    assert_eq!(said(&balancer, &["token", &a.token])["id"], "a");

    // Its registry goes away, and comes back.
    etcd.kill();
    let lost = eventually("that is told", PATIENCE, async || {
        let registry = status(balancer.addr)
            .await
            .map_err(|e| e.to_string())?
            .registry;
        let registry = registry.unwrap_or_default();
        let is_stale = registry.state() == State::Stale && !registry.error.is_empty();
        check(is_stale, registry).map_err(|it| format!("{it:?}"))
    })
    .await;
    let age = |it: &lookaside_proto::v1::Registry| {
        it.age
            .and_then(|it| Duration::try_from(it).ok())
            .unwrap_or_default()
    };
    eventually("its age grows", PATIENCE, async || {
        let now = inspect::status(balancer.addr)
            .await
            .map_err(|e| e.to_string())?;
        let now = now.registry.unwrap_or_default();
        check(age(&now) > age(&lost), ()).map_err(|()| format!("{now:?}"))
    })
    .await;
    assert!(shown(&balancer, &["status"]).contains(" STALE for "));
    assert_eq!(said(&balancer, &["status"])["registry"]["state"], "stale");
    assert_eq!(
        service(balancer.addr, "orders").await?.backends.len(),
        4,
        "it serves on"
    );
    etcd.run().await;
    eventually("it is as before", PATIENCE, async || {
        let now = status(balancer.addr).await.map_err(|e| e.to_string())?;
        let now = now.registry.unwrap_or_default();
        check(
            now.state() == State::Synced && now.error.is_empty(),
            format!("{now:?}"),
        )
    })
    .await;
    Ok(())
}
