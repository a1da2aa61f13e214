//! The command line as other people's scripts rely on it.

use std::{io::Write, time::Duration};

use anyhow::Result;
use lookaside_tests::{
    Backend, Balancer, Probe, Tally,
    cli::{run, run_with},
    eventually, http,
    wire::{Stream, counts},
};

const COMMANDS: [&str; 9] = [
    "serve", "register", "backend", "probe", "demo", "services", "service", "watch", "token",
];

#[test]
fn every_command_has_help_with_an_example() {
    let help = run(&["--help"]);
    assert_eq!(help.status, 0);
    for command in COMMANDS {
        assert!(
            help.stdout.contains(command),
            "{command} in {}",
            help.stdout
        );
        let help = run(&[command, "--help"]);
        assert_eq!(help.status, 0, "{command}");
        let example = format!("lookaside {command}");
        let lower = help.stdout.to_lowercase();
        assert!(
            lower.contains("example") && help.stdout.contains(&example),
            "{}",
            help.stdout
        );
    }
}

#[test]
fn wrong_usage_ends_with_2_and_names_what_is_wrong() {
    for (args, named) in [
        (&["serve", "--listen", "nonsense"][..], "nonsense"),
        (&["serve", "--listen", "127.0.0.1:99999"], "99999"),
        (&["serve", "--registry", "zookeeper://x"], "zookeeper"),
        (&["serve", "--registry", "etcd://"], "etcd://"),
        (&["serve", "--frobnicate"], "frobnicate"),
        (
            &["serve", "--config", "/nonexistent/lookaside.toml"],
            "/nonexistent/lookaside.toml",
        ),
        (&["register", "orders"], "HOST:PORT"),
        (
            &[
                "register",
                "orders",
                "nowhere",
                "--registry",
                "etcd://127.0.0.1:1",
            ],
            "nowhere",
        ),
        (
            &[
                "register",
                "a b",
                "127.0.0.1:1",
                "--registry",
                "etcd://127.0.0.1:1",
            ],
            "a b",
        ),
        (
            &[
                "register",
                "orders",
                "0.0.0.0:0",
                "--registry",
                "etcd://127.0.0.1:1",
            ],
            "0.0.0.0:0",
        ),
        (
            &[
                "register",
                "orders",
                "127.0.0.1:1",
                "--ttl",
                "0s",
                "--registry",
                "etcd://127.0.0.1:1",
            ],
            "ttl",
        ),
        (&["register", "orders", "127.0.0.1:1"], "--registry"),
        (&["probe", "orders"], "--balancer"),
        (
            &[
                "probe",
                "orders",
                "--balancer",
                "127.0.0.1:1",
                "--duration",
                "soon",
            ],
            "soon",
        ),
        (
            &["probe", "orders", "--balancer", "127.0.0.1:1", "--qps", "0"],
            "qps",
        ),
        (
            &[
                "probe",
                "orders",
                "--balancer",
                "127.0.0.1:1",
                "--child-policy",
                "random",
            ],
            "random",
        ),
        (
            &["probe", &"x".repeat(256), "--balancer", "127.0.0.1:1"],
            "255",
        ),
        (&["backend", "--name", "a"], "--listen"),
        (&["service"], "NAME"),
        (
            &[
                "serve",
                "--listen",
                "127.0.0.1:7999",
                "--admin",
                "127.0.0.1:7999",
            ],
            "a port each",
        ),
        (&["services", "--ca", "Cargo.toml"], "--ca Cargo.toml"),
        (&["nonsense"], "nonsense"),
    ] {
        let output = run(args);
        assert_eq!(output.status, 2, "{args:?}: {output:?}");
        assert!(
            output.stderr.contains(named),
            "{args:?} should name {named}: {}",
            output.stderr
        );
        assert!(output.stdout.is_empty(), "{args:?}: {output:?}");
    }
}

#[test]
fn a_wrong_configuration_is_refused_with_key_and_line() {
    for (text, named) in [
        (
            "listen = \"127.0.0.1:0\"\n\n[lists]\nmax_slot = 3\n",
            ["max_slot", "4"],
        ),
        ("[lists]\nmax_slots = \"many\"\n", ["max_slots", "2"]),
        ("[lists]\nquiet = \"soon\"\n", ["quiet", "2"]),
        ("[lists]\nunknown = \"maybe\"\n", ["unknown", "2"]),
        ("[limits\n", ["limits", "1"]),
        ("colour = \"red\"\n", ["colour", "1"]),
    ] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let path = file.path().to_str().unwrap();
        let output = run(&["serve", "--config", path]);
        assert_eq!(output.status, 2, "{text:?}: {output:?}");
        for part in named.into_iter().chain([path]) {
            assert!(
                output.stderr.contains(part),
                "{text:?} should name {part}: {}",
                output.stderr
            );
        }
    }
}

#[test]
fn a_wrong_environment_variable_is_refused_by_name() {
    let bound = Duration::from_secs(20);
    let output = run_with(&["serve"], &[("LOOKASIDE_LISTS_MAX_SLOTS", "many")], bound);
    assert_eq!(output.status, 2, "{output:?}");
    assert!(
        output.stderr.contains("LOOKASIDE_LISTS_MAX_SLOTS"),
        "{output:?}"
    );
}

#[tokio::test]
async fn a_flag_wins_over_the_environment_and_that_over_the_file() -> Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(
        file.path(),
        "[lists]\nreport_interval = \"7s\"\nmax_slots = 64\n",
    )?;
    let balancer = Balancer::start(["--config", file.path().to_str().unwrap()]).await;
    // --listen and --admin came from flags: it listens where the kernel chose.
    assert_ne!(balancer.addr.port(), 7400);
    assert_eq!(http::get(balancer.admin, "/healthz").await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn backends_register_through_the_balancer_and_the_probe_prints_what_they_answer() -> Result<()>
{
    let balancer = Balancer::start::<&str>([]).await;
    let at = balancer.addr.to_string();
    let mut backends = Vec::new();
    for (name, weight) in [("a", "3"), ("b", "1")] {
        let args = [
            "--service",
            "orders",
            "--id",
            name,
            "--weight",
            weight,
            "--balancer",
            &at,
        ];
        backends.push(Backend::with(name, "127.0.0.1:0", &args).await);
    }
    let mut stream = Stream::open(balancer.addr, "orders").await?;
    let list = stream.list_where(|list| counts(list).len() == 2).await?;
    assert_eq!(counts(&list)[&backends[0].addr.to_string()], 3);

    let probe = Probe::start(
        "orders",
        &[balancer.addr],
        &["--qps", "100", "--wait-for-ready"],
    );
    let tally = {
        probe
            .until("both", 0, |s| s.mode == "balancer" && s.ok.len() >= 2)
            .await;
        probe.tally(2).await
    };
    assert_eq!(tally.failed(), 0, "{tally:?}");
    assert!((tally.share("a") - 0.75).abs() < 0.02, "{tally:?}");
    let last = probe.seconds().pop().expect("a second");
    assert_eq!(last.state, "READY");
    for who in last.ok.keys() {
        let (name, token) = who.split_once('|').expect("<backend>|<token>");
        assert!(
            ["a", "b"].contains(&name) && token.starts_with('0'),
            "{who}"
        );
    }
    probe.stop().await;

    let services = run(&["services", "--balancer", &at]);
    assert_eq!(services.status, 0, "{services:?}");
    assert!(services.stdout.contains("orders"), "{services:?}");
    let json = run(&["services", "--balancer", &at, "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout)?;
    assert!(json.to_string().contains("orders"));
    let service = run(&["service", "orders", "--balancer", &at]);
    for word in ["orders", "a", "b", &backends[0].addr.to_string(), "75"] {
        assert!(
            service.stdout.contains(word),
            "{word} in {}",
            service.stdout
        );
    }
    let service = run(&["service", "orders", "--balancer", &at, "--json"]);
    serde_json::from_str::<serde_json::Value>(&service.stdout)?;
    let missing = run(&["service", "nobody", "--balancer", &at]);
    assert_eq!(missing.status, 1, "{missing:?}");
    assert!(missing.stderr.contains("nobody"), "{missing:?}");
    Ok(())
}

#[tokio::test]
async fn the_death_of_a_balancer_that_holds_the_registrations_fails_no_call() -> Result<()> {
    let mut balancer = Balancer::start::<&str>([]).await;
    let at = balancer.addr.to_string();
    let mut backends = Vec::new();
    for name in ["a", "b"] {
        let args = ["--service", "orders", "--ttl", "3s", "--balancer", &at];
        backends.push(Backend::with(name, "127.0.0.1:0", &args).await);
    }
    let probe = Probe::start(
        "orders",
        &[balancer.addr],
        &["--qps", "100", "--wait-for-ready"],
    );
    // The balancer itself has just started: it waits for registrations before it says
    // what there is, longer than these calls wait.
    let steady = probe
        .until("both", 0, |s| {
            s.mode == "balancer" && s.ok.len() >= 2 && s.err.is_empty()
        })
        .await;
    balancer = balancer.restart().await;
    eventually(
        "both are registered again",
        Duration::from_secs(30),
        || async {
            let list = async { Stream::open(balancer.addr, "orders").await?.list().await };
            let list = list.await.map_err(|e| e.to_string())?;
            if counts(&list).len() == 2 {
                Ok(())
            } else {
                Err(format!("{list:?}"))
            }
        },
    )
    .await;
    probe.tally(1).await;
    let seen: Tally = probe.seconds()[steady..].iter().collect();
    assert_eq!(seen.failed(), 0, "{seen:?}");
    probe.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_is_no_balancer_is_told_from_one_that_does_not_answer() -> Result<()> {
    let closing = std::net::TcpListener::bind("127.0.0.1:0")?;
    let at = closing.local_addr()?.to_string();
    let closer = std::thread::spawn(move || drop(closing.accept()));
    let output = run(&["services", "--balancer", &at]);
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stderr.contains("a balancer's port"), "{output:?}");
    closer.join().unwrap();

    let silent = std::net::TcpListener::bind("127.0.0.1:0")?;
    let at = silent.local_addr()?.to_string();
    let output = run(&["drain", "orders", "a", "--balancer", &at]);
    assert_eq!(output.status, 1, "{output:?}");
    assert!(
        output.stderr.contains("no answer within 5s; it may stand"),
        "{output:?}"
    );

    let backend = Backend::start("a").await;
    let output = run(&["services", "--balancer", &backend.addr.to_string()]);
    assert_eq!(output.status, 1, "{output:?}");
    assert!(
        output.stderr.contains("no balancer, or one of"),
        "{output:?}"
    );
    Ok(())
}

#[test]
fn an_absent_balancer_is_named() {
    let at = lookaside_tests::ports::unused().to_string();
    let output = run(&["services", "--balancer", &at]);
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stderr.contains(&at), "{output:?}");
}

#[test]
fn a_probe_without_balancer_or_fallback_ends_in_time_and_says_why_calls_fail() {
    let at = lookaside_tests::ports::unused().to_string();
    let args = [
        "probe",
        "orders",
        "--balancer",
        &at,
        "--duration",
        "1500ms",
        "--qps",
        "20",
        "--json",
    ];
    let output = run(&args);
    assert_eq!(output.status, 0, "{output:?}");
    let lines: Vec<serde_json::Value> = output
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines.len(),
        2,
        "the last partial second is printed: {output:?}"
    );
    let errors = lines[1]["err"].as_object().unwrap();
    assert!(
        errors.keys().all(|e| e.starts_with("UNAVAILABLE: ")),
        "{output:?}"
    );
    assert!(!errors.is_empty());
}
