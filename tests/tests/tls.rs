//! TLS on both ports of a balancer, and rules for who may do what.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result};
use lookaside_proto::v1::{
    GetServiceRequest, GetStatusRequest, ListServicesRequest, inspect_client::InspectClient,
};
use lookaside_tests::{
    Backend, Balancer, Probe, Process, cli, eventually,
    inspect::{connect, connect_tls},
    pki::{Leaf, Pki},
    poll::check,
    process::PATIENCE,
    wire::{Stream, initial, open, open_over},
};
use rustix::process::Signal;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::{Code, transport::ClientTlsConfig};

/// A balancer in TLS with two services, `extra` being more of its configuration.
async fn balancer(pki: &Pki, extra: &str) -> Balancer {
    let leaf = pki.leaf(&["localhost"]);
    pki.write_leaf("server", &leaf);
    write_config(pki, extra);
    Balancer::start(["--config", &pki.arg("lookaside.toml")]).await
}

fn write_config(pki: &Pki, extra: &str) {
    let services = ["orders", "billing"].map(|name| {
        format!(
            "[[services]]\nname = \"{name}\"\n[[services.backends]]\naddress = \"127.0.0.1:1001\"\n"
        )
    });
    pki.write("services.toml", &services.concat());
    let config = format!(
        "registry = \"file:{}\"\n[tls]\ncert = \"{}\"\nkey = \"{}\"\n{extra}\n",
        pki.arg("services.toml"),
        pki.arg("server.pem"),
        pki.arg("server.key"),
    );
    pki.write("lookaside.toml", &config);
}

fn mutual(pki: &Pki) -> String {
    format!("client_ca = \"{}\"\n", pki.arg("ca.pem"))
}

/// The first list of a service over TLS.
async fn list(addr: SocketAddr, tls: ClientTlsConfig, service: &str) -> Result<usize> {
    let channel = connect_tls(addr, tls).await?;
    let mut stream = Stream::open_over(channel, service).await?;
    Ok(stream.list().await?.len())
}

/// With what a stream for a service is refused.
async fn refusal(addr: SocketAddr, tls: ClientTlsConfig, service: &str) -> Result<tonic::Status> {
    let channel = connect_tls(addr, tls).await?;
    let refused = open_over(channel, initial(service)).await;
    refused.err().context("it was not refused")
}

async fn logged(process: &Process, text: &str) {
    eventually(&format!("{text:?} is logged"), PATIENCE, || {
        let lines = process.stderr();
        let found = lines.iter().any(|line| line.contains(text));
        async move { check(found, lines) }
    })
    .await;
}

#[tokio::test]
async fn both_ports_speak_tls_and_clients_of_another_ca_are_told_why_not() -> Result<()> {
    let pki = Pki::new("ca");
    let balancer = balancer(&pki, "").await;
    assert_eq!(list(balancer.addr, pki.client(None), "orders").await?, 1);
    let admin = connect_tls(balancer.admin, pki.client(None)).await?;
    let status = InspectClient::new(admin)
        .get_status(GetStatusRequest {})
        .await?;
    assert!(status.into_inner().ready);

    let stranger = Pki::new("other");
    connect_tls(balancer.addr, stranger.client(None))
        .await
        .unwrap_err();
    logged(
        &balancer.process,
        "does not accept this balancer's certificate",
    )
    .await;
    Ok(())
}

#[tokio::test]
async fn with_a_client_ca_only_its_certificates_get_in() -> Result<()> {
    let pki = Pki::new("ca");
    let balancer = balancer(&pki, &mutual(&pki)).await;
    let good = pki.leaf(&["spiffe://x/a"]);
    assert_eq!(
        list(balancer.addr, pki.client(Some(&good)), "orders").await?,
        1
    );

    let expired = pki.expired_leaf(&["spiffe://x/a"]);
    let foreign = Pki::new("other").leaf(&["spiffe://x/a"]);
    for (leaf, said) in [
        (
            None,
            "it has no certificate, and tls.client_ca asks for one",
        ),
        (Some(&expired), "expired"),
        (
            Some(&foreign),
            "its certificate is of no CA in tls.client_ca",
        ),
    ] {
        // In TLS 1.3 the client is done before it is refused.
        list(balancer.addr, pki.client(leaf), "orders")
            .await
            .unwrap_err();
        logged(&balancer.process, said).await;
    }
    Ok(())
}

#[tokio::test]
async fn new_certificates_are_used_without_a_restart_and_open_streams_go_on() -> Result<()> {
    let (old, new) = (Pki::new("old"), Pki::new("new"));
    let balancer = balancer(&old, "").await;
    let channel = connect_tls(balancer.addr, old.client(None)).await?;
    let mut stream = Stream::open_over(channel, "orders").await?;
    stream.list().await?;

    old.write("server.pem", "this is no certificate");
    balancer.process.signal(Signal::HUP);
    logged(&balancer.process, "the certificates are not replaced").await;
    logged(&balancer.process, "found no certificate").await;
    assert_eq!(list(balancer.addr, old.client(None), "orders").await?, 1);

    old.write_leaf("server", &new.leaf(&["localhost"]));
    // Nobody asks: it looks by itself every few seconds.
    eventually("the new certificate is shown", PATIENCE, || async {
        list(balancer.addr, new.client(None), "orders")
            .await
            .map(drop)
    })
    .await;
    connect_tls(balancer.addr, old.client(None))
        .await
        .unwrap_err();

    let both = "[[services]]\nname = \"orders\"\nbackends = [{ address = \"127.0.0.1:1001\" }, { address = \"127.0.0.1:1002\" }]\n";
    old.write("services.toml", both);
    assert_eq!(stream.list().await?.len(), 2, "on the stream from before");
    Ok(())
}

#[tokio::test]
async fn whoever_speaks_the_wrong_language_is_named_in_the_log() -> Result<()> {
    let pki = Pki::new("ca");
    let secured = balancer(&pki, "").await;
    for addr in [secured.addr, secured.admin] {
        open(addr, initial("orders")).await.unwrap_err();
    }
    logged(
        &secured.process,
        "it speaks without TLS to a port that has TLS",
    )
    .await;

    let plain =
        Balancer::start(["--registry", &format!("file:{}", pki.arg("services.toml"))]).await;
    connect_tls(plain.addr, pki.client(None)).await.unwrap_err();
    logged(&plain.process, "it speaks TLS to a port that has none").await;
    Ok(())
}

#[tokio::test]
async fn a_peer_that_says_nothing_is_closed_and_delays_nobody() -> Result<()> {
    let pki = Pki::new("ca");
    let balancer = balancer(&pki, "").await;
    let mut silent = TcpStream::connect(balancer.addr).await?;
    let mut stalling = TcpStream::connect(balancer.addr).await?;
    stalling.write_all(b"\x16\x03\x01\x02").await?;
    let quick = tokio::time::timeout(Duration::from_secs(5), async {
        list(balancer.addr, pki.client(None), "orders").await
    });
    assert_eq!(quick.await??, 1);
    for stream in [&mut silent, &mut stalling] {
        let closed = tokio::time::timeout(PATIENCE, stream.read(&mut [0; 64])).await?;
        // An alert may come first; whatever comes, it is the end.
        if closed.is_ok_and(|read| read > 0) {
            assert_eq!(stream.read(&mut [0; 64]).await.unwrap_or(0), 0);
        }
    }
    logged(&balancer.process, "its handshake was not done within").await;
    Ok(())
}

const RULES: &str = r#"
[[access.rules]]
identity = "spiffe://x/team-a/*"
services = ["orders*"]
allow = ["balance"]
[[access.rules]]
identity = "ops.example.org"
services = ["**"]
allow = ["balance", "inspect"]
[[access.rules]]
identity = "spiffe://x/both"
address = "10.0.0.0/8"
allow = ["balance"]
[access]
trust_loopback = false
"#;

#[tokio::test]
async fn rules_decide_who_may_ask_for_what_and_give_nothing_away() -> Result<()> {
    let pki = Pki::new("ca");
    let balancer = balancer(&pki, &format!("{}{RULES}", mutual(&pki))).await;
    let tls = |name: &str| -> (Leaf, ClientTlsConfig) {
        let leaf = pki.leaf(&[name]);
        let config = pki.client(Some(&leaf));
        (leaf, config)
    };
    let (_, team) = tls("spiffe://x/team-a/web");
    assert_eq!(list(balancer.addr, team.clone(), "orders").await?, 1);
    for name in ["orders:443", "orders.", "orders.:443"] {
        assert_eq!(list(balancer.addr, team.clone(), name).await?, 1, "{name}");
    }
    // Whether there is such a service or not: the same words at the same time.
    for name in ["billing", "no-such", "billing:443", "billing."] {
        let began = std::time::Instant::now();
        let status = refusal(balancer.addr, team.clone(), name).await?;
        assert_eq!(status.code(), Code::PermissionDenied, "{name}");
        let bare = name.split([':', '.']).next().unwrap_or_default();
        assert_eq!(
            status.message(),
            format!("spiffe://x/team-a/web at 127.0.0.1 is not allowed to balance service {bare}")
        );
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "no wait for it to appear"
        );
    }
    let (_, other) = tls("spiffe://x/team-b/web");
    let status = refusal(balancer.addr, other.clone(), "orders").await?;
    assert_eq!(status.code(), Code::PermissionDenied);
    let (_, half) = tls("spiffe://x/both");
    let status = refusal(balancer.addr, half, "orders").await?;
    assert_eq!(
        status.code(),
        Code::PermissionDenied,
        "the address is another"
    );

    let mut inspect = InspectClient::new(connect_tls(balancer.admin, team.clone()).await?);
    let name = "orders".to_owned();
    let refused = inspect
        .get_service(GetServiceRequest { name })
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let refused = inspect
        .list_services(ListServicesRequest {})
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let (_, ops) = tls("ops.example.org");
    let mut inspect = InspectClient::new(connect_tls(balancer.admin, ops.clone()).await?);
    let listed = inspect
        .list_services(ListServicesRequest {})
        .await?
        .into_inner();
    assert_eq!(listed.services.len(), 2);
    assert_eq!(list(balancer.addr, ops, "billing").await?, 1);
    Ok(())
}

#[tokio::test]
async fn address_rules_need_no_tls_and_what_they_do_not_allow_is_refused() -> Result<()> {
    let pki = Pki::new("unused");
    write_config(&pki, "");
    let config = format!(
        "registry = \"file:{}\"\n[[access.rules]]\naddress = \"127.0.0.0/8\"\nservices = [\"orders\"]\nallow = [\"balance\"]\n",
        pki.arg("services.toml")
    );
    pki.write("rules.toml", &config);
    let balancer = Balancer::start(["--config", &pki.arg("rules.toml")]).await;
    Stream::open(balancer.addr, "orders").await?.list().await?;
    let refused = open(balancer.addr, initial("billing")).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    // An operator on the machine may look at everything.
    let mut inspect = InspectClient::new(connect(balancer.addr).await?);
    let listed = inspect
        .list_services(ListServicesRequest {})
        .await?
        .into_inner();
    assert_eq!(listed.services.len(), 2);
    Ok(())
}

#[tokio::test]
async fn our_own_programs_register_call_and_look_in_mutual_tls() -> Result<()> {
    let pki = Pki::new("ca");
    pki.write_leaf("server", &pki.leaf(&["localhost"]));
    pki.write_leaf("client", &pki.leaf(&["spiffe://x/echo"]));
    let config = format!(
        "registry = \"memory:\"\n[tls]\ncert = \"{}\"\nkey = \"{}\"\n{}\
         [[access.rules]]\nidentity = \"spiffe://x/echo\"\nservices = [\"echo\"]\n\
         allow = [\"balance\", \"register\", \"inspect\"]\n\
         [access]\ntrust_loopback = false\n",
        pki.arg("server.pem"),
        pki.arg("server.key"),
        mutual(&pki),
    );
    pki.write("lookaside.toml", &config);
    let balancer = Balancer::start(["--config", &pki.arg("lookaside.toml")]).await;
    // By name: that is what the certificate is for.
    let addr = format!("localhost:{}", balancer.addr.port());
    let (ca, cert, key) = (
        pki.arg("ca.pem"),
        pki.arg("client.pem"),
        pki.arg("client.key"),
    );
    let tls = [
        "--balancer",
        &addr,
        "--ca",
        &ca,
        "--cert",
        &cert,
        "--key",
        &key,
    ];

    let args: Vec<&str> = ["--service", "echo"].into_iter().chain(tls).collect();
    let _backend = Backend::with("a", "127.0.0.1:0", &args).await;
    let args: Vec<&str> = ["service", "echo"].into_iter().chain(tls).collect();
    eventually("the backend is listed", PATIENCE, || async {
        let output = cli::run(&args);
        check(
            output.status == 0 && output.stdout.contains("127.0.0.1:"),
            output,
        )
    })
    .await;
    let args = [
        "probe",
        "echo",
        "--duration",
        "8s",
        "--json",
        "--wait-for-ready",
    ];
    let output = cli::run(&args.into_iter().chain(tls).collect::<Vec<_>>());
    assert_eq!(output.status, 0, "{output:?}");
    assert!(
        output.stdout.contains("\"mode\":\"balancer\""),
        "{output:?}"
    );
    assert!(output.stdout.contains("\"a|"), "{output:?}");

    // Another service is not this certificate's.
    let args = [
        "backend",
        "--listen",
        "127.0.0.1:0",
        "--name",
        "b",
        "--service",
        "orders",
    ];
    let mut command = std::process::Command::new(lookaside_tests::binary::lookaside());
    command.args(args.into_iter().chain(tls));
    let refused = Process::spawn("b", &mut command);
    logged(
        &refused,
        "spiffe://x/echo at 127.0.0.1 is not allowed to register service orders",
    )
    .await;
    let args = ["services", "--balancer", &addr, "--ca", &ca];
    let output = cli::run(&args);
    assert_eq!(output.status, 1, "no certificate: {output:?}");
    let output = cli::run(&["services", "--balancer", &addr]);
    assert_eq!(output.status, 1, "no TLS: {output:?}");
    Ok(())
}

#[tokio::test]
async fn a_live_backend_is_not_displaced_and_a_crashed_one_comes_back_without_a_gap() -> Result<()>
{
    let balancer = Balancer::start([] as [&str; 0]).await;
    let addr = balancer.addr.to_string();
    let args = [
        "--service",
        "echo",
        "--id",
        "one",
        "--ttl",
        "4s",
        "--balancer",
        &addr,
    ];
    let mut first = Backend::with("first", "127.0.0.1:0", &args).await;
    let listen = first.addr.to_string();
    let mut stream = Stream::open(balancer.addr, "echo").await?;
    stream.list().await?;
    let probe = Probe::start("echo", &[balancer.addr], &["--qps", "100"]);
    probe
        .until("calls", 0, |second| !second.ok.is_empty())
        .await;

    let rival: Vec<&str> = ["--advertise", &listen].into_iter().chain(args).collect();
    let rival = Backend::with("rival", "127.0.0.1:0", &rival).await;
    logged(
        &rival.process,
        "backend one of service echo is registered by somebody else",
    )
    .await;
    // Longer than it takes to miss a renewal, were there none.
    tokio::time::timeout(Duration::from_secs(5), stream.list())
        .await
        .expect_err("nothing changes while the first renews");
    drop(rival);
    let total = probe.stop().await;
    assert_eq!(total.failed(), 0, "{total:?}");
    let names: Vec<_> = total.ok.keys().map(String::as_str).collect();
    assert_eq!(names, ["first"], "{total:?}");

    first.process.kill();
    let again = Backend::with("again", &listen, &args).await;
    logged(&again.process, "task: registered").await;
    tokio::time::timeout(Duration::from_secs(5), stream.list())
        .await
        .expect_err("it never left the list");
    Ok(())
}

#[tokio::test]
async fn a_balancer_that_everybody_can_reach_says_so_and_one_that_cannot_have_tls_does_not_start()
-> Result<()> {
    let open = Balancer::spawn("0.0.0.0:0", "127.0.0.1:0", &[]);
    logged(&open, "OPEN TO EVERYBODY").await;
    let closed = Balancer::start([] as [&str; 0]).await;
    assert!(
        !closed
            .process
            .stderr()
            .iter()
            .any(|it| it.contains("EVERYBODY"))
    );

    let pki = Pki::new("ca");
    write_config(&pki, "");
    let output = cli::run(&[
        "serve",
        "--config",
        &pki.arg("lookaside.toml"),
        "--listen",
        "127.0.0.1:0",
    ]);
    assert_ne!(output.status, 0);
    let said = &output.stderr;
    assert!(
        said.contains("tls.cert") && said.contains(&pki.arg("server.pem")),
        "{said}"
    );
    Ok(())
}
