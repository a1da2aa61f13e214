//! What commands print with `--json`, against the schemas in `docs/schema`.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::{process::Command, time::Duration};

use anyhow::Result;
use lookaside_tests::{
    Backend, Balancer, Process, binary, cli::run, eventually, inspect, process::PATIENCE,
    schema::violations, wire::Stream,
};
use rustix::process::Signal;
use serde_json::Value;

/// Runs it, and holds each line it prints against the schema of the command.
#[track_caller]
fn check(args: &[&str]) -> Vec<Value> {
    let output = run(args);
    assert!(!output.stdout.is_empty(), "{args:?}: {output:?}");
    let lines = output.stdout.lines();
    let values: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for value in &values {
        assert_eq!(violations(args[0], value), [""; 0], "{args:?}: {value:#}");
    }
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn every_json_is_as_its_schema_says() -> Result<()> {
    let balancer = Balancer::start::<&str>([]).await;
    let (at, admin) = (balancer.addr.to_string(), balancer.admin.to_string());
    let mut backends = Vec::new();
    for name in ["a", "b"] {
        let args = [
            "--service",
            "orders",
            "--id",
            name,
            "--zone",
            "z",
            "--balancer",
            &at,
        ];
        backends.push(Backend::with(name, "127.0.0.1:0", &args).await);
    }
    let mut stream = Stream::open(balancer.addr, "orders").await?;
    stream.list().await?;
    // Every kind of order, so that there is something in every array.
    for order in [
        &["drain", "orders", "a", "--for", "10m"][..],
        &["weight", "orders", "b", "7"],
        &["drops", "orders", "overload=25%"],
        &["fallback", "orders", "off"],
        &["fallback", "orders", "clear"],
        &["undrain", "orders", "b"],
        &["cordon", "--zone", "z", "--for", "10m"],
        &["uncordon", "--zone", "z"],
        &["cordon", "127.0.0.9", "--even-if-absent"],
        &["uncordon", "127.0.0.9"],
    ] {
        let to = ["--balancer", &admin, "--reason", "a test", "--json"];
        check(&[order, &to[..]].concat());
    }
    check(&["reload", "--balancer", &admin, "--json"]);
    // Orders take effect when the registry's watch brings them back.
    eventually("three orders are in force", PATIENCE, async || {
        let service = inspect::service(balancer.addr, "orders").await;
        let overrides = service
            .map(|it| it.overrides.len())
            .map_err(|e| e.to_string())?;
        if overrides == 3 {
            Ok(())
        } else {
            Err(format!("{overrides}"))
        }
    })
    .await;

    let services = check(&["services", "--balancer", &at, "--json"]);
    check(&["status", "--balancer", &at, "--json"]);
    let settings = check(&["settings", "--balancer", &admin, "--json"]);
    let names = settings[0]["settings"].as_array().map(Vec::len);
    assert!(names.is_some_and(|it| it > 20), "{names:?}");
    let explain = ["explain", "orders", "b", "--peer", "127.0.0.1"];
    let explained = check(&[&explain[..], &["--balancer", &at, "--json"]].concat());
    assert_eq!(explained[0]["streams"].as_array().map(Vec::len), Some(1));
    assert_eq!(services[0]["services"][0]["name"], "orders");
    let service = check(&["service", "orders", "--balancer", &at, "--json"]);
    let service = &service[0];
    assert_eq!(
        service["backends"].as_array().map(Vec::len),
        Some(2),
        "{service:#}"
    );
    assert_eq!(
        service["overrides"].as_array().map(Vec::len),
        Some(3),
        "{service:#}"
    );
    assert_eq!(service["drops"][0]["category"], "overload");
    let token = service["backends"][1]["token"].as_str().unwrap();
    check(&["token", token, "--balancer", &at, "--json"]);
    let overrides = check(&["overrides", "--balancer", &admin, "--json"]);
    assert_eq!(overrides[0]["overrides"].as_array().map(Vec::len), Some(3));
    let streams = check(&["streams", "--balancer", &at, "--json"]);
    assert_eq!(streams[0]["streams"][0]["service"], "orders");
    let probe = [
        "probe",
        "orders",
        "--balancer",
        &at,
        "--duration",
        "1200ms",
        "--json",
    ];
    assert_eq!(check(&probe).len(), 2);
    let doctor = check(&["doctor", "--balancer", &at, "--admin", &admin, "--json"]);
    assert_eq!(doctor[0]["ok"], true, "{doctor:?}");

    check(&[
        "end-streams",
        "orders",
        "--balancer",
        &admin,
        "--reason",
        "a test",
        "--json",
    ]);

    let mut watch = Command::new(binary::lookaside());
    watch.args(["watch", "orders", "--balancer", &at, "--json"]);
    let mut watch = Process::spawn("watch", &mut watch);
    let line = watch.line("a service", |line| Some(line.to_owned())).await;
    let value = serde_json::from_str(&line)?;
    assert_eq!(violations("watch", &value), [""; 0], "{value:#}");
    watch.signal(Signal::TERM);
    assert!(watch.ended().await.success());
    Ok(())
}

#[test]
fn colours_are_in_the_output_only_when_asked_for() {
    let plain = run(&["--help"]);
    assert!(!plain.stdout.contains('\x1b'), "{}", plain.stdout);
    let coloured = run(&["--color", "always", "--help"]);
    assert!(coloured.stdout.contains('\x1b'), "{}", coloured.stdout);
    let bound = Duration::from_secs(20);
    let env = [("NO_COLOR", "1")];
    let args = ["--color=always", "services", "--help"];
    // A flag says it more plainly than the environment.
    let both = lookaside_tests::cli::run_with(&args, &env, bound);
    assert!(both.stdout.contains('\x1b'), "{}", both.stdout);
    let wrong = run(&["services", "--color", "sometimes"]);
    assert_eq!(wrong.status, 2, "{wrong:?}");
    assert!(wrong.stderr.contains("sometimes"), "{wrong:?}");
}

#[test]
fn a_completion_script_is_one_that_its_shell_reads() {
    let script = run(&["completions", "bash"]);
    assert_eq!(script.status, 0);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &script.stdout).unwrap();
    let read = Command::new("bash")
        .arg("-n")
        .arg(file.path())
        .output()
        .unwrap();
    assert!(read.status.success(), "{read:?}");
    assert!(script.stdout.contains("doctor"));
    let wrong = run(&["completions", "cmd"]);
    assert_eq!(wrong.status, 2);
}

#[test]
fn a_live_view_needs_a_terminal_and_says_so() {
    let output = run(&["top"]);
    assert_eq!(output.status, 2, "{output:?}");
    assert!(output.stderr.contains("no terminal"), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
}
