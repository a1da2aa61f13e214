//! Signed tokens between real balancers, backends and clients, and changes of their keys.

use std::{collections::BTreeSet, fs, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use lookaside_proto::{
    demo::{EchoRequest, echo_client::EchoClient},
    v1::{GetStatusRequest, inspect_client::InspectClient},
};
use lookaside_tests::{
    Backend, Balancer, Probe, Process,
    cli::{run, run_with},
    eventually, inspect,
    poll::check,
    process::PATIENCE,
};
use rustix::process::Signal;
use tonic::{Code, Request, Status};

/// Keys of 16 bytes, `a` and so on, in base64.
const A: &str = "YWFhYWFhYWFhYWFhYWFhYQ==";
const B: &str = "YmJiYmJiYmJiYmJiYmJiYg==";

/// Key files of their own for a balancer and a backend.
struct Keys {
    dir: tempfile::TempDir,
}

impl Keys {
    fn new(of_both: &[&str]) -> Result<Self> {
        let keys = Self {
            dir: tempfile::tempdir()?,
        };
        for whose in ["balancer", "backend"] {
            keys.write(whose, &of_both.join("\n"))?;
        }
        Ok(keys)
    }

    fn path(&self, whose: &str) -> PathBuf {
        self.dir.path().join(whose)
    }

    /// Replaces a file as a whole.
    fn write(&self, whose: &str, content: &str) -> Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let new = self.dir.path().join("new");
        fs::write(&new, content)?;
        fs::set_permissions(&new, fs::Permissions::from_mode(0o600))?;
        Ok(fs::rename(new, self.path(whose))?)
    }

    async fn balancer(&self) -> Result<Balancer> {
        let config = self.dir.path().join("lookaside.toml");
        let keys = format!(
            "[tokens]\nkeys = [\"file:{}\"]\n",
            self.path("balancer").display()
        );
        fs::write(&config, keys)?;
        let config = config.to_str().context("a path of ASCII")?;
        Ok(Balancer::start(["--config", config]).await)
    }

    async fn backend(&self, name: &str, balancer: &Balancer, mode: &str) -> Backend {
        let key = format!("file:{}", self.path("backend").display());
        let balancer = balancer.addr.to_string();
        let args = [
            &["--service", "orders", "--id", name, "--balancer", &balancer][..],
            &["--token-key", &key, "--token-mode", mode],
        ];
        Backend::with(name, "127.0.0.1:0", &args.concat()).await
    }
}

/// A client under load. A balancer whose registry begins empty answers after 3 seconds.
fn probe(balancer: &Balancer) -> Probe {
    let args = ["--qps", "100", "--timeout", "20s"];
    Probe::start("orders", &[balancer.addr], &args)
}

/// The tokens of the last whole second, without variants.
fn tokens(probe: &Probe) -> BTreeSet<String> {
    let last = probe.seconds().pop();
    let seen = last.map(|second| second.ok).unwrap_or_default();
    let token = |who: &String| {
        let token = who.split_once('|').map_or("", |(_, token)| token);
        token.split('.').next().unwrap_or(token).to_owned()
    };
    seen.keys().map(token).collect()
}

/// The tokens that Inspect shows.
async fn shown(balancer: &Balancer) -> Result<BTreeSet<String>> {
    let service = inspect::service(balancer.addr, "orders").await?;
    Ok(service.backends.into_iter().map(|it| it.token).collect())
}

/// Waits until the probe's calls carry just the tokens that Inspect shows.
async fn calls_carry_what_is_shown(probe: &Probe, balancer: &Balancer) -> Result<BTreeSet<String>> {
    let shown = shown(balancer).await?;
    eventually("all calls carry the tokens shown", PATIENCE, || {
        let (shown, seen) = (shown.clone(), tokens(probe));
        async move { check(!seen.is_empty() && seen == shown, seen) }
    })
    .await;
    Ok(shown)
}

async fn echo(addr: SocketAddr, token: Option<&str>) -> Result<String, Status> {
    let channel = inspect::connect(addr).await;
    let channel = channel.map_err(|error| Status::unknown(error.to_string()))?;
    let mut request = Request::new(EchoRequest::default());
    if let Some(token) = token {
        let token = token.parse().map_err(|_| Status::unknown("no ASCII"))?;
        request.metadata_mut().insert("lb-token", token);
    }
    let answer = EchoClient::new(channel).echo(request).await?;
    Ok(answer.into_inner().lb_token)
}

#[tokio::test]
async fn signed_tokens_open_a_backend_that_nothing_else_opens() -> Result<()> {
    let keys = Keys::new(&[A])?;
    let balancer = keys.balancer().await?;
    let backend = keys.backend("a", &balancer, "require").await;
    let probe = probe(&balancer);
    probe
        .until("calls", 0, |second| !second.ok.is_empty())
        .await;
    let [token] = <[_; 1]>::try_from(Vec::from_iter(
        calls_carry_what_is_shown(&probe, &balancer).await?,
    ))
    .map_err(|tokens| anyhow::anyhow!("{tokens:?}"))?;
    assert!(token.starts_with('1') && token.len() == 33, "{token}");
    assert_eq!(probe.stop().await.failed(), 0);

    // Whose token it is.
    let at = balancer.addr.to_string();
    let found = run(&["token", &token, "--balancer", &at, "--json"]);
    let found: serde_json::Value = serde_json::from_str(&found.stdout)?;
    let signed_by = &status(&balancer).await?[0];
    let expected = serde_json::json!({
        "service": "orders", "id": "a", "address": backend.addr.to_string(),
        "signature": "valid", "key": signed_by, "current": true,
    });
    assert_eq!(found, expected);
    let text = run(&["token", &format!("{token}.x1y"), "--balancer", &at]).stdout;
    assert!(text.contains("backend a of orders"), "{text}");
    assert!(text.contains(signed_by), "{text}");
    let nobody = run(&["token", "0AAAAAAAAAAAAAAAA", "--balancer", &at]);
    assert_eq!(nobody.status, 1);
    assert!(nobody.stderr.contains("NOT_FOUND"), "{}", nobody.stderr);

    // What opens the backend.
    assert_eq!(echo(backend.addr, Some(&token)).await?, token);
    let forged = format!("{}AAAAAAAAAAAAAAAA", &token[..17]);
    for refused in [None, Some(&*forged), Some(&format!("0{}", &token[1..17]))] {
        let status = echo(backend.addr, refused).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied, "{refused:?}");
        assert!(status.message().contains("lb-token"), "{status:?}");
    }
    let said = backend.process.stderr().join("\n");
    assert!(said.contains("fallback is impossible"), "{said}");
    Ok(())
}

#[tokio::test]
async fn invalid_tokens_alone_are_refused_where_fallback_must_work() -> Result<()> {
    let keys = Keys::new(&[A])?;
    let balancer = keys.balancer().await?;
    let backend = keys.backend("a", &balancer, "reject-invalid").await;
    assert_eq!(echo(backend.addr, None).await?, "");
    let status = echo(backend.addr, Some("junk")).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    Ok(())
}

#[tokio::test]
async fn a_backend_with_another_key_refuses_the_calls_of_a_list() -> Result<()> {
    let keys = Keys::new(&[A])?;
    keys.write("backend", B)?;
    let balancer = keys.balancer().await?;
    let _backend = keys.backend("a", &balancer, "require").await;
    let probe = probe(&balancer);
    probe
        .until("refusals", 0, |second| !second.err.is_empty())
        .await;
    let tally = probe.stop().await;
    assert_eq!(tally.succeeded(), 0);
    let expected = "PERMISSION_DENIED: lb-token: its signature is of no known key";
    assert!(tally.err.contains_key(expected), "{:?}", tally.err);
    Ok(())
}

/// The ids of a balancer's keys.
async fn status(balancer: &Balancer) -> Result<Vec<String>> {
    let mut client = InspectClient::new(inspect::connect(balancer.addr).await?);
    let status = client.get_status(GetStatusRequest {}).await?;
    Ok(status.into_inner().token_keys)
}

/// How often a process has said that its keys changed.
fn changes(process: &Process) -> usize {
    let lines = process.stderr();
    let told = lines
        .iter()
        .filter(|line| line.contains("token keys changed"));
    told.count()
}

/// Gives one of the two other keys, tells it, and waits until it has taken them.
async fn change(keys: &Keys, whose: &str, process: &Process, ring: &[&str]) -> Result<()> {
    let before = changes(process);
    keys.write(whose, &ring.join("\n"))?;
    process.signal(Signal::HUP);
    eventually("the keys are taken", PATIENCE, || {
        let now = changes(process);
        async move { check(now == before + 1, now) }
    })
    .await;
    Ok(())
}

/// The steps of `docs/tokens.md`, in each of which `first` is changed before the other.
async fn roll(first: &str) -> Result<()> {
    let keys = Keys::new(&[A])?;
    let balancer = keys.balancer().await?;
    let backends = [
        keys.backend("a", &balancer, "require").await,
        keys.backend("b", &balancer, "require").await,
    ];
    let probe = probe(&balancer);
    probe.until("calls", 0, |second| second.ok.len() == 2).await;
    let old = calls_carry_what_is_shown(&probe, &balancer).await?;
    for ring in [&[A, B][..], &[B, A], &[B]] {
        let both = ["balancer", "backend"];
        let order = if first == both[0] {
            both
        } else {
            [both[1], both[0]]
        };
        for whose in order {
            if whose == "balancer" {
                change(&keys, whose, &balancer.process, ring).await?;
            } else {
                // They share a file: one finds the change by itself.
                change(&keys, whose, &backends[0].process, ring).await?;
                let wanted = changes(&backends[0].process);
                eventually("the file is polled", PATIENCE, || {
                    let seen = changes(&backends[1].process);
                    async move { check(seen == wanted, seen) }
                })
                .await;
            }
            probe.tally(1).await;
        }
        calls_carry_what_is_shown(&probe, &balancer).await?;
    }
    let new = shown(&balancer).await?;
    assert!(new.is_disjoint(&old), "{old:?} {new:?}");
    assert_eq!(status(&balancer).await?.len(), 1);
    let tally = probe.stop().await;
    assert_eq!(tally.failed(), 0, "{:?}", tally.err);
    assert!(tally.succeeded() > 500, "{tally:?}");
    Ok(())
}

#[tokio::test]
async fn a_key_is_changed_under_load_balancers_first_and_no_call_fails() -> Result<()> {
    roll("balancer").await
}

#[tokio::test]
async fn a_key_is_changed_under_load_backends_first_and_no_call_fails() -> Result<()> {
    roll("backend").await
}

#[tokio::test]
async fn a_broken_key_file_keeps_the_key_there_was() -> Result<()> {
    let keys = Keys::new(&[A])?;
    let balancer = keys.balancer().await?;
    let backend = keys.backend("a", &balancer, "require").await;
    let probe = probe(&balancer);
    probe
        .until("calls", 0, |second| !second.ok.is_empty())
        .await;
    let before = shown(&balancer).await?;
    for (whose, process) in [
        ("balancer", &balancer.process),
        ("backend", &backend.process),
    ] {
        keys.write(whose, "not a key\n")?;
        process.signal(Signal::HUP);
        let path = keys.path(whose);
        eventually("the error is told", PATIENCE, || {
            let lines = process.stderr();
            let told = lines.iter().any(|line| {
                line.contains("ERROR")
                    && line.contains(path.to_str().expect("ASCII"))
                    && line.contains("line 1: the key is not base64")
            });
            async move { check(told, lines) }
        })
        .await;
    }
    probe.tally(2).await;
    assert_eq!(shown(&balancer).await?, before);
    assert_eq!(probe.stop().await.failed(), 0);
    // A newcomer has nothing to fall back on.
    let config = keys.dir.path().join("lookaside.toml");
    let refused = run(&["serve", "--config", config.to_str().context("ASCII")?]);
    assert_eq!(refused.status, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("line 1: the key is not base64"));
    Ok(())
}

#[test]
fn wrong_usage_of_tokens_ends_with_2_and_names_what_is_wrong() -> Result<()> {
    let backend = |args: &[&str]| {
        let common = ["backend", "--listen", "127.0.0.1:0", "--name", "a"];
        run(&[&common[..], args].concat())
    };
    let service = ["--service", "orders", "--balancer", "127.0.0.1:1"];
    let with_service = |args: &[&str]| backend(&[&service[..], args].concat());
    for (output, parts) in [
        (
            with_service(&["--token-mode", "require"]),
            &["require", "--token-key"][..],
        ),
        (
            with_service(&["--token-mode", "strict"]),
            &["strict", "reject-invalid"],
        ),
        (with_service(&["--token-key", "/etc/x"]), &["file:PATH"]),
        (
            with_service(&["--token-key", "file:/nowhere/x"]),
            &["/nowhere/x"],
        ),
        (
            backend(&["--token-mode", "observe"]),
            &["--token-mode", "--service"],
        ),
        (
            backend(&["--token-key", "file:/x"]),
            &["--token-key", "--service"],
        ),
    ] {
        assert_eq!(output.status, 2, "{output:?}");
        for part in parts {
            assert!(output.stderr.contains(part), "{part} in {}", output.stderr);
        }
    }
    let env = [("LOOKASIDE_TOKENS_KEYS", "file:/nowhere/token.key")];
    let output = run_with(
        &["serve", "--listen", "127.0.0.1:0"],
        &env,
        Duration::from_secs(20),
    );
    assert_eq!(output.status, 2);
    assert!(
        output.stderr.contains("/nowhere/token.key"),
        "{}",
        output.stderr
    );
    Ok(())
}

#[tokio::test]
async fn a_key_file_that_others_can_read_is_used_with_a_warning() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let keys = Keys::new(&[A])?;
    let open = fs::Permissions::from_mode(0o644);
    fs::set_permissions(keys.path("balancer"), open)?;
    let balancer = keys.balancer().await?;
    let lines = balancer.process.stderr();
    let path = keys.path("balancer");
    let path = path.to_str().context("ASCII")?;
    let warned = |line: &&String| line.contains("WARN") && line.contains(path);
    let warned: Vec<_> = lines.iter().filter(warned).collect();
    assert_eq!(warned.len(), 1, "{lines:?}");
    assert!(warned[0].contains("0644"), "{warned:?}");
    Ok(())
}
