//! Certificates that are replaced, well and badly, under load.

use std::process::Command;

use anyhow::Result;
use lookaside_tests::{
    Backend, Balancer, Probe, Process, binary, eventually, pki::Pki, poll::check, process::PATIENCE,
};
use rustix::process::Signal;

const SERVICE: &str = "echo";

async fn logged(process: &Process, text: &str) {
    eventually(&format!("{text:?} is logged"), PATIENCE, || {
        let lines = process.stderr();
        let found = lines.iter().any(|line| line.contains(text));
        async move { check(found, lines) }
    })
    .await;
}

/// A client in TLS that has called for a second without an error.
async fn steady(balancer: &Balancer, ca: &str) -> Probe {
    let args = [
        "--qps",
        "200",
        "--wait-for-ready",
        "--timeout",
        "20s",
        "--ca",
        ca,
    ];
    let probe = Probe::start(SERVICE, &[balancer.addr], &args);
    probe
        .until("a good second", 0, |second| {
            second.mode == "balancer" && !second.ok.is_empty() && second.err.is_empty()
        })
        .await;
    probe
}

#[tokio::test]
async fn a_certificate_that_is_replaced_by_rubbish_and_by_another_fails_no_call() -> Result<()> {
    let (old, new) = (Pki::new("old"), Pki::new("new"));
    old.write_leaf("server", &old.leaf(&["localhost"]));
    let config = format!(
        "registry = \"memory:\"\n[tls]\ncert = \"{}\"\nkey = \"{}\"\n",
        old.arg("server.pem"),
        old.arg("server.key"),
    );
    old.write("lookaside.toml", &config);
    let balancer = Balancer::start(["--config", &old.arg("lookaside.toml")]).await;
    let (addr, old_ca, new_ca) = (
        balancer.addr.to_string(),
        old.arg("ca.pem"),
        new.arg("ca.pem"),
    );
    // It trusts both: it has to renew, whichever is shown.
    let (of_old, of_new) = (
        std::fs::read_to_string(&old_ca)?,
        std::fs::read_to_string(&new_ca)?,
    );
    old.write("both.pem", &format!("{of_old}{of_new}"));
    let both_ca = old.arg("both.pem");
    let args = ["--service", SERVICE, "--balancer", &addr, "--ca", &both_ca];
    let _backend = Backend::with("a", "127.0.0.1:0", &args).await;
    let before = steady(&balancer, &old_ca).await;

    old.write("server.pem", "this is no certificate");
    balancer.process.signal(Signal::HUP);
    logged(&balancer.process, "the certificates are not replaced").await;
    // A new connection: the last good one stays in use.
    let meanwhile = steady(&balancer, &old_ca).await;

    old.write_leaf("server", &new.leaf(&["localhost"]));
    balancer.process.signal(Signal::HUP);
    eventually("the new certificate is shown", PATIENCE, || {
        let mut look = Command::new(binary::lookaside());
        look.args(["service", SERVICE, "--balancer", &addr, "--ca", &new_ca]);
        async move {
            let output = look.output().map_err(|error| error.to_string())?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            check(output.status.success(), said)
        }
    })
    .await;
    let after = steady(&balancer, &new_ca).await;
    for probe in [before, meanwhile, after] {
        let seen = probe.tally(2).await;
        assert_eq!((seen.failed(), seen.ok.len()), (0, 1), "{seen:?}");
        let last = probe.seconds().pop();
        assert!(last.is_some_and(|it| it.mode == "balancer"));
        let total = probe.stop().await;
        assert_eq!(total.failed(), 0, "{total:?}");
    }
    Ok(())
}
