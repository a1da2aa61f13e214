//! Cordons: no calls for whatever runs on a machine or in a zone, of all services.

use std::{fs, path::Path};

use anyhow::Result;
use lookaside_tests::{
    Backend, Balancer, Probe, StateDir,
    cli::{self, Output},
    eventually,
    inspect::service,
    poll::check,
    process::PATIENCE,
    schema::violations,
    wire::Stream,
};
use serde_json::Value;

fn tell(balancer: &Balancer, args: &[&str]) -> Output {
    let admin = balancer.admin.to_string();
    let by = [
        "--balancer",
        &admin,
        "--by",
        "alice",
        "--reason",
        "new disk",
    ];
    cli::run(&[args, &by].concat())
}

fn told(balancer: &Balancer, args: &[&str]) -> Output {
    let output = tell(balancer, args);
    assert_eq!(output.status, 0, "{output:?}");
    output
}

fn asked(balancer: &Balancer, args: &[&str]) -> Value {
    let at = balancer.admin.to_string();
    let output = cli::run(&[args, &["--json", "--balancer", &at]].concat());
    let value: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
    assert_eq!(violations(args[0], &value), [""; 0], "{args:?}: {value:#}");
    value
}

/// Waits until the backends of a service are in these states.
async fn are(balancer: &Balancer, name: &str, states: &[&str]) {
    eventually(&format!("{name}: {states:?}"), PATIENCE, async || {
        let seen = service(balancer.addr, name)
            .await
            .map_err(|e| e.to_string())?;
        let now: Vec<_> = seen.backends.iter().map(|it| it.state.as_str()).collect();
        check(now == states, format!("{:?}", seen.backends))
    })
    .await;
}

/// Of `orders` one on each of two machines, and the only one of `billing` on the first.
fn registry(dir: &Path) -> Result<String> {
    let path = dir.join("registry.toml");
    let text = r#"
[[services]]
name = "billing"
[[services.backends]]
address = "10.0.0.5:1003"
[[services]]
name = "orders"
[[services.backends]]
id = "a"
address = "10.0.0.5:1001"
[[services.backends]]
id = "b"
address = "10.0.0.6:1002"
zone = "eu 1"
"#;
    fs::write(&path, text)?;
    Ok(format!("file:{}", path.display()))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_fails_while_a_zone_is_cordoned_and_is_back_and_newcomers_there_wait() -> Result<()>
{
    let balancer = Balancer::on("memory:").await;
    let at = balancer.addr.to_string();
    let start = async |name: &str, zone: &str| {
        let of = ["--service", "orders", "--id", name, "--zone", zone];
        Backend::with(
            name,
            "127.0.0.1:0",
            &[&of[..], &["--balancer", &at]].concat(),
        )
        .await
    };
    let mut backends = vec![start("a", "east").await, start("b", "west").await];
    let args = ["--qps", "200", "--wait-for-ready", "--timeout", "20s"];
    let probe = Probe::start("orders", &[balancer.addr], &args);
    let mut from = probe
        .until("both answer", 0, |it| {
            it.mode == "balancer" && it.ok.len() >= 2 && it.err.is_empty()
        })
        .await;
    let steady = from;

    told(&balancer, &["cordon", "--zone", "east"]);
    let only = |name: &'static str| {
        move |it: &lookaside_tests::Second| {
            let answered = it
                .ok
                .keys()
                .map(|who| who.split('|').next().unwrap_or_default());
            !it.ok.is_empty() && answered.into_iter().all(|who| who == name)
        }
    };
    from = probe.until("only b answers", from, only("b")).await;
    backends.push(start("c", "east").await);
    are(&balancer, "orders", &["cordoned", "serving", "cordoned"]).await;
    let seen = service(balancer.addr, "orders").await?;
    assert_eq!(
        seen.backends[2].reason,
        "with zone east by override of alice: new disk"
    );
    from = probe
        .until("still only b answers", from + 1, only("b"))
        .await;

    told(&balancer, &["uncordon", "--zone", "east"]);
    are(&balancer, "orders", &["serving"; 3]).await;
    probe.until("all answer", from, |it| it.ok.len() >= 3).await;
    let seen: lookaside_tests::Tally = probe.seconds()[steady..].iter().collect();
    assert_eq!(seen.failed(), 0, "{seen:?}");
    probe.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cordoned_host_stays_so_over_a_restart_until_its_time_or_an_order_ends_it() -> Result<()>
{
    let dir = StateDir::new("500ms");
    let files = tempfile::tempdir()?;
    let balancer = Balancer::start(dir.args(&registry(files.path())?)).await;
    let mut stream = Stream::open(balancer.addr, "orders").await?;
    assert_eq!(stream.list().await?.len(), 2);
    let output = told(&balancer, &["cordon", "10.0.0.5", "--for", "1h"]);
    assert!(output.stdout.starts_with("done"), "{output:?}");
    let warning =
        "warning: it leaves no backend to billing: their clients get what on_empty says\n";
    assert_eq!(output.stderr, warning);
    let list = stream.list().await?;
    assert!(list.iter().all(|it| it.port == 1002), "{list:?}");
    told(&balancer, &["cordon", "--zone", "eu 1", "--for", "1s"]);

    let balancer = balancer.restart().await;
    are(&balancer, "orders", &["cordoned", "serving"]).await;
    let billing = service(balancer.addr, "billing").await?;
    assert_eq!(
        (&*billing.plan, &*billing.backends[0].state),
        ("fallback", "cordoned")
    );
    let listed = asked(&balancer, &["overrides"]);
    let all = listed["overrides"].as_array().map(Vec::as_slice);
    let [cordon] = all.unwrap_or_default() else {
        panic!("{listed:#}");
    };
    for (field, value) in [
        ("service", "**"),
        ("kind", "cordon-host"),
        ("backend", ""),
        ("value", "10.0.0.5"),
        ("by", "alice"),
        ("reason", "new disk"),
        ("key", "**/cordon-host/10.0.0.5"),
    ] {
        assert_eq!(cordon[field], value, "{field}");
    }
    assert!(cordon["expires"].is_string());
    let shown = asked(&balancer, &["service", "orders"]);
    assert_eq!(shown["overrides"].as_array().map(Vec::len), Some(1));
    let explained = asked(&balancer, &["explain", "orders", "a"]);
    let steps = explained["steps"].as_array().into_iter().flatten();
    let step = |name: &str| steps.clone().find(|it| it["name"] == name).cloned();
    let text = step("overrides").unwrap_or_default()["text"].to_string();
    assert!(
        text.contains("cordoned with host 10.0.0.5 by override of alice: new disk"),
        "{text}"
    );
    let services = asked(&balancer, &["services"]);
    let names = services["services"].as_array().into_iter().flatten();
    let names: Vec<_> = names.filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(names, ["billing", "orders"], "`**` is no service");

    let output = told(&balancer, &["uncordon", "10.0.0.5"]);
    assert_eq!((&*output.stdout, &*output.stderr), ("done\n", ""));
    are(&balancer, "orders", &["serving", "serving"]).await;
    are(&balancer, "billing", &["serving"]).await;
    assert_eq!(
        told(&balancer, &["uncordon", "10.0.0.5"]).stdout,
        "there was none\n"
    );
    told(&balancer, &["cordon", "10.0.0.6", "--for", "1s"]);
    are(&balancer, "orders", &["serving", "cordoned"]).await;
    are(&balancer, "orders", &["serving", "serving"]).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_where_nobody_is_and_what_is_no_place_are_refused_and_put_on_record() -> Result<()>
{
    let files = tempfile::tempdir()?;
    let registry = registry(files.path())?;
    let balancer = Balancer::start(["--registry", &registry, "--log-format", "json"]).await;
    for (args, status, says) in [
        (
            &["cordon", "10.0.0.50"][..],
            1,
            "no backend is at host 10.0.0.50",
        ),
        (&["cordon", "--zone", "eu1"], 1, "no backend is at zone eu1"),
        (&["cordon", "10.0.0.5:1001"], 1, "without a port"),
        (&["cordon", "--zone", ""], 1, "a zone is 1 to 255 bytes"),
        (
            &["uncordon", "a b"],
            1,
            "place: expected an IP address or a host name",
        ),
        (&["cordon", "10.0.0.5", "--zone", "eu 1"], 2, "--zone"),
        (&["cordon"], 2, "HOST"),
        (&["uncordon"], 2, "HOST"),
    ] {
        let output = tell(&balancer, args);
        assert_eq!(output.status, status, "{args:?}: {output:?}");
        assert!(output.stderr.contains(says), "{args:?}: {output:?}");
    }
    let output = told(
        &balancer,
        &["cordon", "10.0.0.50", "--even-if-absent", "--json"],
    );
    let set: Value = serde_json::from_str(&output.stdout)?;
    assert_eq!(violations("cordon", &set), [""; 0], "{set:#}");
    let output = told(&balancer, &["uncordon", "10.0.0.50", "--json"]);
    let cleared: Value = serde_json::from_str(&output.stdout)?;
    assert_eq!(violations("uncordon", &cleared), [""; 0], "{cleared:#}");
    assert_eq!(cleared["cleared"], true);

    let lines = eventually("all of it is on record", PATIENCE, || {
        let lines = balancer.process.stderr();
        let read = lines.iter().filter_map(|it| serde_json::from_str(it).ok());
        let audit = read.filter(|it: &Value| it["target"] == "lookaside::audit");
        let audit: Vec<Value> = audit.collect();
        async move {
            check(
                audit
                    .last()
                    .is_some_and(|it| it["order"] == "clear_override"),
                audit,
            )
        }
    })
    .await;
    let of = |outcome: &str| lines.iter().rfind(|it| it["outcome"] == outcome);
    for (outcome, kind) in [("refused", "cordon-zone"), ("done", "cordon-host")] {
        let known = lines
            .iter()
            .any(|it| it["outcome"] == outcome && it["kind"] == kind);
        assert!(known, "{outcome} {kind}: {lines:#?}");
    }
    let done = of("done").cloned().unwrap_or_default();
    assert_eq!(
        (&done["service"], &done["value"]),
        (&"**".into(), &"10.0.0.50".into())
    );
    Ok(())
}
