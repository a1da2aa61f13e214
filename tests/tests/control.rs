//! Orders to a balancer whose overrides stand in no etcd: what a restart keeps, what the
//! answers and the audit log say; and reading files again.

use std::{fs, path::Path, time::Duration};

use anyhow::Result;
use lookaside_tests::{
    Balancer, StateDir,
    cli::{self, Output},
    eventually,
    inspect::service,
    poll::check,
    process::PATIENCE,
    wire::Stream,
};
use rustix::process::Signal;
use serde_json::Value;

/// Tells a balancer something, and how it went.
fn tell(balancer: &Balancer, args: &[&str]) -> Output {
    let admin = balancer.admin.to_string();
    let by = ["--balancer", &admin, "--by", "alice", "--reason", "a test"];
    cli::run(&[args, &by].concat())
}

/// The same, where it goes well.
fn told(balancer: &Balancer, args: &[&str]) -> Output {
    let output = tell(balancer, args);
    assert_eq!(output.status, 0, "{output:?}");
    output
}

fn overrides(balancer: &Balancer) -> Value {
    let admin = balancer.admin.to_string();
    let listed = cli::run(&["overrides", "--json", "--balancer", &admin]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap_or_default();
    listed["overrides"].clone()
}

fn kinds(overrides: &Value) -> Vec<&str> {
    let all = overrides.as_array().into_iter().flatten();
    all.filter_map(|it| it["kind"].as_str()).collect()
}

/// A registry file with backends `a` and `b` of `orders`.
fn registry(dir: &Path) -> Result<String> {
    let path = dir.join("registry.toml");
    let backend =
        |id, port| format!("[[services.backends]]\nid = {id:?}\naddress = \"127.0.0.1:{port}\"\n");
    let text = format!(
        "[[services]]\nname = \"orders\"\n{}{}",
        backend("a", 1001),
        backend("b", 1002)
    );
    fs::write(&path, text)?;
    Ok(format!("file:{}", path.display()))
}

async fn logged(balancer: &Balancer, what: &str, matches: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("{what} is logged"), PATIENCE, || {
        let lines = balancer.process.stderr();
        let mut read = lines.iter().filter_map(|it| serde_json::from_str(it).ok());
        let found = read.find(|line: &Value| matches(line));
        async move { found.ok_or(lines) }
    })
    .await
}

#[tokio::test]
async fn an_order_to_a_memory_registry_survives_a_crash_that_follows_at_once() -> Result<()> {
    let dir = StateDir::new("500ms");
    let balancer = Balancer::start(dir.args("memory:")).await;
    let absent = ["--even-if-absent"];
    let order = |args: &[&str]| {
        let output = told(&balancer, &[args, &absent].concat());
        assert_eq!(output.stderr, "", "nothing to warn of");
        output.stdout
    };
    order(&["drain", "orders", "a"]);
    order(&["weight", "orders", "b", "7", "--for", "1h"]);
    order(&["fallback", "orders", "on", "--for", "1s"]);
    let json = order(&["drops", "orders", "overload=25%", "--json"]);
    let set: Value = serde_json::from_str(&json)?;
    assert_eq!(set["warning"], "");
    told(&balancer, &["undrain", "orders", "a"]);
    let before = overrides(&balancer);

    // Killed, and not asked to end.
    let balancer = balancer.restart().await;
    eventually("the short one is over", PATIENCE, async || {
        let now = overrides(&balancer);
        check(kinds(&now) == ["drops", "weight"], now)
    })
    .await;
    let after = overrides(&balancer);
    let weight = |all: &Value| {
        let weight = all.as_array().and_then(|all| all.last().cloned());
        // Times are kept to the second.
        ["revision", "value", "by", "reason"].map(|it| weight.as_ref().map(|all| all[it].clone()))
    };
    assert_eq!(weight(&before), weight(&after));
    assert_eq!(after[0]["revision"], set["revision"]);
    Ok(())
}

#[tokio::test]
async fn an_order_beside_a_registry_file_holds_over_a_restart_and_what_ended_meanwhile_is_gone()
-> Result<()> {
    let dir = StateDir::new("500ms");
    let files = tempfile::tempdir()?;
    let balancer = Balancer::start(dir.args(&registry(files.path())?)).await;
    told(&balancer, &["drain", "orders", "a"]);
    told(&balancer, &["weight", "orders", "b", "5", "--for", "1s"]);
    let balancer = balancer.restart().await;
    let mut stream = Stream::open(balancer.addr, "orders").await?;
    let list = stream.list().await?;
    assert!(list.iter().all(|it| it.port == 1002), "{list:?}");
    let seen = service(balancer.addr, "orders").await?;
    assert_eq!(
        seen.backends[0].reason,
        "drained by override of alice: a test"
    );
    eventually("the weight has ended by itself", PATIENCE, async || {
        let now = overrides(&balancer);
        check(kinds(&now) == ["drain"], now)
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn without_a_state_directory_the_answer_says_that_a_restart_forgets() -> Result<()> {
    let files = tempfile::tempdir()?;
    let balancer = Balancer::on(&registry(files.path())?).await;
    let output = told(&balancer, &["drain", "orders", "a", "--json"]);
    assert!(output.stderr.contains("a restart forgets"), "{output:?}");
    let set: Value = serde_json::from_str(&output.stdout)?;
    let warning = set["warning"].as_str().unwrap_or_default();
    assert!(warning.contains("[state] dir"), "{set}");
    let output = told(&balancer, &["undrain", "orders", "a", "--json"]);
    assert_eq!(output.stderr, "", "what is gone needs no saving");
    let cleared: Value = serde_json::from_str(&output.stdout)?;
    assert_eq!(cleared["cleared"], true);

    told(&balancer, &["drain", "orders", "a"]);
    let balancer = balancer.restart().await;
    assert_eq!(kinds(&overrides(&balancer)), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn a_damaged_state_takes_its_orders_with_it_and_says_so() -> Result<()> {
    let dir = StateDir::new("500ms");
    let files = tempfile::tempdir()?;
    let mut balancer = Balancer::start(dir.args(&registry(files.path())?)).await;
    told(&balancer, &["drain", "orders", "a"]);
    balancer.process.kill();
    let mut state = fs::read(dir.file())?;
    let last = state.len() - 3;
    state[last] ^= 1;
    fs::write(dir.file(), state)?;
    let balancer = balancer.restart().await;
    assert_eq!(kinds(&overrides(&balancer)), [""; 0]);
    assert_eq!(dir.names("damaged").len(), 1);
    let errors = balancer.process.stderr();
    assert!(
        errors
            .iter()
            .any(|it| it.contains("ERROR") && it.contains("damaged")),
        "{errors:?}"
    );
    // The next one is saved again.
    let output = told(&balancer, &["drain", "orders", "b"]);
    assert_eq!(output.stderr, "");
    Ok(())
}

#[tokio::test]
async fn every_order_is_a_line_of_the_audit_log_a_refused_one_too() -> Result<()> {
    let files = tempfile::tempdir()?;
    let registry = registry(files.path())?;
    let balancer = Balancer::start(["--registry", &registry, "--log-format", "json"]).await;
    let audited = async |outcome: &str, order: &str| {
        let matches = |line: &Value| {
            line["target"] == "lookaside::audit"
                && line["outcome"] == outcome
                && line["order"] == order
        };
        logged(&balancer, &format!("{order} {outcome}"), matches).await
    };
    told(&balancer, &["weight", "orders", "a", "9", "--for", "10m"]);
    let line = audited("done", "set_override").await;
    for (field, value) in [
        ("peer", Value::from("127.0.0.1")),
        ("by", "alice".into()),
        ("service", "orders".into()),
        ("kind", "weight".into()),
        ("backend", "a".into()),
        ("value", "9".into()),
        ("ttl", 600.0.into()),
        ("reason", "a test".into()),
        ("revision", 1.into()),
    ] {
        assert_eq!(line[field], value, "{field} of {line}");
    }
    assert!(line["warning"].is_string(), "{line}");
    assert_eq!(tell(&balancer, &["drain", "orders", "x"]).status, 1);
    let line = audited("refused", "set_override").await;
    assert_eq!(line["error"], "service orders has no backend x");
    assert_eq!(line["code"], "NotFound");
    assert_eq!(line["backend"], "x");
    told(&balancer, &["weight", "orders", "a", "clear"]);
    audited("done", "clear_override").await;
    told(&balancer, &["weight", "orders", "a", "clear"]);
    audited("nothing", "clear_override").await;
    told(&balancer, &["reload"]);
    let line = audited("done", "reload").await;
    assert_eq!(line["value"], "no files");
    Ok(())
}

#[tokio::test]
async fn a_reload_says_of_each_file_what_came_of_it_and_so_does_the_signal() -> Result<()> {
    let files = tempfile::tempdir()?;
    let path = |name: &str| files.path().join(name);
    let (key, config) = (path("token.key"), path("lookaside.toml"));
    fs::write(&key, "YWFhYWFhYWFhYWFhYWFhYQ==\n")?;
    let set = |more: &str| {
        let text = format!("{more}[tokens]\nkeys = [\"file:{}\"]\n", key.display());
        fs::write(&config, text)
    };
    set("")?;
    let balancer = Balancer::start(["--config", config.to_str().unwrap_or_default()]).await;
    let outcomes = |output: &Output| -> Vec<(String, String)> {
        let read: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
        let files = read["files"].as_array().cloned().unwrap_or_default();
        let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
        let files = files
            .iter()
            .map(|it| (text(&it["what"]), text(&it["outcome"])));
        files.collect()
    };
    let were = |keys: &str, config: &str| {
        [("tokens.keys", keys), ("config", config)].map(|(a, b)| (a.to_owned(), b.to_owned()))
    };
    let output = told(&balancer, &["reload", "--json"]);
    assert_eq!(outcomes(&output), were("same", "same"));

    set("[lists]\nmax_slots = 7\n")?;
    fs::write(&key, "YmJiYmJiYmJiYmJiYmJiYg==\n")?;
    let output = told(&balancer, &["reload", "--json"]);
    let taken = outcomes(&output);
    // It may have been taken by itself a moment before.
    assert!(
        taken == were("changed", "needs_restart") || taken == were("same", "needs_restart"),
        "{taken:?}"
    );
    assert!(output.stdout.contains("[lists]"), "{output:?}");

    fs::write(&key, "hunter2\n")?;
    set("lists = 7\n")?;
    let output = tell(&balancer, &["reload", "--json"]);
    assert_eq!(output.status, 1, "{output:?}");
    assert_eq!(outcomes(&output), were("failed", "failed"));
    for part in ["token.key", "lookaside.toml"] {
        assert!(output.stdout.contains(part), "{output:?}");
    }
    assert!(!output.stdout.contains("hunter2"), "{output:?}");
    let table = tell(&balancer, &["reload"]);
    assert!(table.stdout.starts_with("WHAT "), "{table:?}");

    balancer.process.signal(Signal::HUP);
    eventually("the signal says the same", PATIENCE, || {
        let lines = balancer.process.stderr();
        let found = lines
            .iter()
            .any(|line| line.contains("ERROR") && line.contains("reload what=\"config\""));
        async move { check(found, lines) }
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_refused_with_what_was_expected() -> Result<()> {
    let files = tempfile::tempdir()?;
    let balancer = Balancer::on(&registry(files.path())?).await;
    let nobody = Duration::from_secs(20);
    let admin = balancer.admin.to_string();
    for (args, status, says) in [
        (&["drain", "orders", "a", "--for", "0s"][..], 2, "--for"),
        (&["drain", "orders", "a", "--for", "400d"], 2, "1s to 366d"),
        (&["drain", "orders", "a", "--for", "-5m"], 2, "1s to 366d"),
        (&["drain", "orders"], 2, "<BACKEND>"),
        (&["weight", "orders", "a", "many"], 2, "many"),
        (&["weight", "orders", "a", "-1"], 2, "0 to 4294967295"),
        (&["drops", "orders", "none", "a=1%"], 2, "stands alone"),
        (&["drain", "orders", "a b"], 1, "white space"),
        (&["reload", "orders"], 2, "orders"),
        (&["reload", "--for", "1s"], 2, "--for"),
        (&["reload", "--balancer", "127.0.0.1:1"], 1, "127.0.0.1:1"),
        (&["reload", "--by", ""], 1, "by: expected who asks"),
        (&["reload", "--by", "a\u{7}"], 1, "by: expected a text"),
    ] {
        let mut args = args.to_vec();
        if !args.contains(&"--balancer") {
            args.extend(["--balancer", &admin]);
        }
        let output = cli::run_with(&args, &[("USER", "alice")], nobody);
        assert_eq!(output.status, status, "{args:?}: {output:?}");
        assert!(output.stderr.contains(says), "{args:?}: {output:?}");
    }
    Ok(())
}
