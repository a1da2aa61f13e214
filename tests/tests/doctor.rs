//! `lookaside doctor` on deployments that are well, and on some that are not.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::{fs, time::Duration};

use anyhow::Result;
use lookaside_tests::{
    Backend, Balancer,
    cli::{Output, run},
    name_server::NameServer,
    pki::Pki,
    ports,
    wire::Stream,
};
use serde_json::Value;

/// Two services in a file that several balancers can follow.
const SERVICES: &str = r#"
[[services]]
name = "orders"
[[services.backends]]
address = "127.0.0.1:1001"
[[services.backends]]
address = "127.0.0.1:1002"
[[services]]
name = "billing"
[[services.backends]]
address = "127.0.0.1:1003"
"#;

/// What was found, as JSON: result, check, subject and message of each.
fn findings(output: &Output) -> Vec<[String; 4]> {
    let json: Value =
        serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    let text = |it: &Value, key: &str| it[key].as_str().unwrap().to_owned();
    let found = json["findings"].as_array().unwrap().iter();
    found
        .map(|it| ["result", "check", "subject", "message"].map(|key| text(it, key)))
        .collect()
}

#[track_caller]
fn has(output: &Output, result: &str, check: &str, message: &str) {
    let findings = findings(output);
    let found = findings
        .iter()
        .any(|[r, c, _, m]| r == result && c == check && m.contains(message));
    assert!(found, "no {result} {check} {message:?} in {findings:#?}");
}

#[tokio::test]
async fn replicas_that_follow_one_registry_are_well() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("services.toml");
    fs::write(&file, SERVICES)?;
    let registry = format!("file:{}", file.display());
    let (a, b) = tokio::join!(Balancer::on(&registry), Balancer::on(&registry));
    let both = format!("{},{}", a.addr, b.addr);
    let admins = format!("{},{}", a.admin, b.admin);
    let args = [
        "doctor",
        "--balancer",
        &both,
        "--admin",
        &admins,
        "--registry",
        &registry,
    ];

    let output = run(&args);
    assert_eq!(output.status, 0, "{output:?}");
    assert!(!output.stdout.contains("WARN"), "{}", output.stdout);
    assert!(
        output
            .stdout
            .contains(", 0 to look at, 0 failed; 2 not made"),
        "{}",
        output.stdout
    );
    assert_eq!(output.stderr, "");

    let output = run(&[&args[..], &["--json", "--strict"]].concat());
    assert_eq!(output.status, 0, "{output:?}");
    has(
        &output,
        "ok",
        "replicas",
        "2 replicas tell clients the same of all services (2)",
    );
    has(&output, "ok", "lists", "answers with a list of");
    has(&output, "ok", "admin port", "takes orders from here");
    has(&output, "ok", "registry direct", "services 2, backends 3");
    has(&output, "ok", "clock", "agrees");
    has(&output, "skip", "dns", "--srv");

    let alone = a.addr.to_string();
    let output = run(&["doctor", "--balancer", &alone, "--strict"]);
    assert_eq!(output.status, 1, "{output:?}");
    let last = output.stderr.trim_end().lines().last();
    assert_eq!(last, Some("error: 1 check warned, and --strict is set"));
    Ok(())
}

#[tokio::test]
async fn replicas_that_disagree_are_found_and_said_apart() -> Result<()> {
    let (a, b) = tokio::join!(Balancer::start::<&str>([]), Balancer::start::<&str>([]));
    let mut backends = Vec::new();
    for (balancer, name) in [(&a, "x"), (&b, "x"), (&b, "y")] {
        let at = balancer.addr.to_string();
        let args = ["--service", "orders", "--id", name, "--balancer", &at];
        backends.push(Backend::with(name, "127.0.0.1:0", &args).await);
    }
    // Their first lists, so that all of it is not just about to become equal.
    for balancer in [&a, &b] {
        Stream::open(balancer.addr, "orders").await?.list().await?;
    }
    let both = format!("{},{}", a.addr, b.addr);
    let output = run(&["doctor", "--balancer", &both, "--json"]);
    assert_eq!(output.status, 1, "{output:?}");
    has(
        &output,
        "fail",
        "replicas",
        &format!("{} has 1 slots of 1 backends", a.addr),
    );
    has(
        &output,
        "fail",
        "replicas",
        &format!("{} has 2 slots of 2 backends", b.addr),
    );
    has(
        &output,
        "warn",
        "registry",
        "each balancer has a registry of its own (memory:)",
    );
    assert!(
        output.stderr.contains("1 check failed"),
        "{}",
        output.stderr
    );

    // One that nobody knows is misspelt, mostly: all is not well because of the others.
    let output = run(&["doctor", "--balancer", &both, "nothing", "--json"]);
    assert_eq!(output.status, 1, "{output:?}");
    has(&output, "fail", "service", "no balancer knows it");
    Ok(())
}

#[tokio::test]
async fn a_balancer_that_is_gone_and_one_behind_tls_are_told_apart() -> Result<()> {
    let pki = Pki::new("ca");
    pki.write("services.toml", SERVICES);
    pki.write_leaf("server", &pki.leaf(&["localhost"]));
    pki.write(
        "lookaside.toml",
        &format!(
            "registry = \"file:{}\"\n[tls]\ncert = \"{}\"\nkey = \"{}\"\n",
            pki.arg("services.toml"),
            pki.arg("server.pem"),
            pki.arg("server.key"),
        ),
    );
    let config = pki.arg("lookaside.toml");
    let balancer = Balancer::start(["--config", &config]).await;
    let at = balancer.addr.to_string();
    let gone = ports::unused().to_string();
    let both = format!("{at},{gone}");

    let plain = run(&["doctor", "--balancer", &both, "--json"]);
    assert_eq!(plain.status, 1, "{plain:?}");
    let failed: Vec<_> = findings(&plain)
        .into_iter()
        .filter(|it| it[0] == "fail")
        .collect();
    assert_eq!(failed.len(), 2, "{failed:?}");
    assert!(failed[1][3].contains("refused"), "{failed:?}");

    let ca = pki.arg("ca.pem");
    let tls = run(&[
        "doctor",
        "--balancer",
        &at,
        "--ca",
        &ca,
        "--config",
        &config,
        "--json",
    ]);
    // The certificate lives an hour, and has since long ago.
    has(&tls, "warn", "certificate", "expires in");
    let files = findings(&tls);
    let named = |key: &str| {
        files
            .iter()
            .any(|it| it[1] == "certificate" && it[2].starts_with(key))
    };
    assert!(named("--ca") && named("tls.cert"), "{files:#?}");
    has(&tls, "ok", "registry direct", "services 2, backends 3");

    pki.write_leaf("server", &pki.expired_leaf(&["localhost"]));
    let expired = run(&["doctor", "--balancer", &at, "--config", &config, "--json"]);
    has(&expired, "fail", "certificate", "expired");
    pki.write("server.pem", "rubbish");
    let rubbish = run(&["doctor", "--balancer", &at, "--config", &config, "--json"]);
    has(&rubbish, "fail", "certificate", "no certificate in PEM");
    Ok(())
}

// The name server answers while a thread waits for the program.
#[tokio::test(flavor = "multi_thread")]
async fn balancers_are_found_by_dns_and_records_that_lead_nowhere_are_told() -> Result<()> {
    let balancer = Balancer::start::<&str>([]).await;
    let dns = NameServer::start().await;
    let targets = [("lb.test", balancer.addr.port()), ("gone.test", 7400)];
    dns.balancers("orders.test", &targets);
    dns.addresses("lb.test", ["127.0.0.1".parse()?]);
    dns.addresses("orders.test", ["127.0.0.1".parse()?, "127.0.0.2".parse()?]);
    let server = dns.at.to_string();

    let args = [
        "doctor",
        "--srv",
        "orders.test",
        "--name-server",
        &server,
        "--json",
    ];
    let at = balancer.addr.to_string();
    let output = run(&[&args[..], &["--balancer", &at]].concat());
    assert_eq!(output.status, 1, "{output:?}");
    has(&output, "ok", "dns", "names lb.test:");
    has(
        &output,
        "fail",
        "dns",
        "names gone.test:7400: that host has no address",
    );
    has(&output, "ok", "dns", "addresses to fall back on: 2");

    // Without --balancer those in DNS are asked: under names that this machine does not know.
    let output = run(&args);
    assert_eq!(output.status, 1, "{output:?}");
    let asked = findings(&output);
    let asked: Vec<_> = asked.iter().filter(|it| it[1] == "balancer").collect();
    assert_eq!(asked.len(), 2, "{asked:?}");

    let none = [
        "doctor",
        "--srv",
        "x.test",
        "--name-server",
        &server,
        "--balancer",
        &at,
        "--json",
    ];
    let output = run(&none);
    has(&output, "fail", "dns", "there is no SRV record");
    Ok(())
}

#[tokio::test]
async fn a_registry_that_cannot_be_read_fails_and_the_balancers_are_still_looked_at() -> Result<()>
{
    let balancer = Balancer::start::<&str>([]).await;
    let at = balancer.addr.to_string();
    let args = [
        "doctor",
        "--balancer",
        &at,
        "--registry",
        "file:/nonexistent.toml",
        "--json",
    ];
    let output = lookaside_tests::cli::run_with(&args, &[], Duration::from_secs(60));
    assert_eq!(output.status, 1, "{output:?}");
    has(&output, "fail", "registry direct", "/nonexistent.toml");
    has(&output, "ok", "balancer", "ready");
    Ok(())
}
