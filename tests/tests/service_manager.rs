//! What whoever supervises a balancer sees of it: systemd's notifications, `serve --check`,
//! and `lookaside health`.

use std::{fs, os::unix::net::UnixDatagram, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use lookaside_tests::{Balancer, Process, balancer::listening, binary, cli};
use rustix::process::Signal;

const BOUND: Duration = Duration::from_secs(30);

/// A service manager's end of the notification socket.
struct Manager(UnixDatagram);

impl Manager {
    fn bind(path: &Path) -> Result<Self> {
        let socket = UnixDatagram::bind(path)?;
        socket.set_read_timeout(Some(BOUND))?;
        Ok(Self(socket))
    }

    /// The next message that has this assignment; none before it may have `never`.
    fn until(&self, wanted: &str, never: &str) -> Result<String> {
        loop {
            let mut buffer = [0; 1024];
            let length = self
                .0
                .recv(&mut buffer)
                .with_context(|| wanted.to_owned())?;
            let message = String::from_utf8(buffer[..length].to_vec())?;
            if message.lines().any(|line| line.starts_with(wanted)) {
                return Ok(message);
            }
            ensure!(!message.contains(never), "{message:?} before {wanted:?}");
        }
    }
}

fn write_registry(path: &Path) -> Result<()> {
    let text = "[[services]]\nname = \"orders\"\n[[services.backends]]\naddress = \"10.0.0.1:1\"\n";
    Ok(fs::write(path, text)?)
}

#[tokio::test]
async fn the_service_manager_hears_of_waiting_being_ready_reloading_living_and_ending() -> Result<()>
{
    let temp = tempfile::tempdir()?;
    let path = temp.path().join("notify");
    let manager = Manager::bind(&path)?;
    let registry = temp.path().join("registry.toml");
    let mut command = Command::new(binary::lookaside());
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        .arg("--registry")
        .arg(format!("file:{}", registry.display()))
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "200000");
    let mut process = Process::spawn("balancer", &mut command);

    let waits = manager.until("STATUS=", "READY=1")?;
    ensure!(!waits.contains("READY=1"), "{waits}");
    // Alive while it waits: a watchdog must not end a balancer whose registry is down.
    manager.until("WATCHDOG=1", "READY=1")?;
    // It does not reload what has not started.
    process.signal(Signal::HUP);
    manager.until("WATCHDOG=1", "RELOADING=1")?;

    write_registry(&registry)?;
    let ready = manager.until("READY=1", "RELOADING=1")?;
    let (addr, _) = process.line("where it listens", listening).await;
    ensure!(ready.contains(&addr.to_string()), "{ready}");

    process.signal(Signal::HUP);
    let reloading = manager.until("RELOADING=1", "READY=1")?;
    ensure!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    manager.until("READY=1", "STOPPING=1")?;
    manager.until("WATCHDOG=1", "STOPPING=1")?;

    process.signal(Signal::TERM);
    manager.until("STOPPING=1", "READY=1")?;
    ensure!(process.ended().await.success());
    Ok(())
}

#[tokio::test]
async fn health_asks_a_balancer_and_says_so_by_its_exit_code() -> Result<()> {
    let mut balancer = Balancer::start(["--registry", "memory:"]).await;
    for addr in [balancer.addr, balancer.admin] {
        let asked = cli::run(&["health", "--balancer", &addr.to_string()]);
        ensure!(
            asked.status == 0 && asked.stdout == "SERVING\n",
            "{asked:?}"
        );
    }
    let addr = balancer.addr.to_string();
    let unknown = cli::run(&["health", "--balancer", &addr, "--service", "nobody"]);
    ensure!(unknown.status == 1, "{unknown:?}");
    ensure!(unknown.stderr.contains("NOT_FOUND"), "{unknown:?}");

    balancer.process.pause();
    let silent = cli::run(&["health", "--balancer", &addr, "--timeout", "200ms"]);
    ensure!(silent.status == 1, "{silent:?}");
    ensure!(
        silent.stderr.contains("no answer within 200ms"),
        "{silent:?}"
    );
    balancer.process.resume();
    balancer.process.kill();
    let gone = cli::run(&["health", "--balancer", &addr]);
    ensure!(gone.status == 1 && gone.stderr.contains(&addr), "{gone:?}");
    Ok(())
}

#[tokio::test]
async fn health_of_a_balancer_that_is_still_reading_its_registry_is_1() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let registry = format!("file:{}", temp.path().join("none.toml").display());
    let args = ["--registry".to_owned(), registry];
    let mut process = Balancer::spawn("127.0.0.1:0", "127.0.0.1:0", &args);
    let admin = lookaside_tests::poll::eventually("it says its admin port", BOUND, || {
        let log = process.stderr().join("\n");
        let admin = log.split("admin=").nth(1).and_then(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit() && !".:".contains(c));
            rest[..end.unwrap_or(rest.len())]
                .parse::<std::net::SocketAddr>()
                .ok()
        });
        async move { admin.ok_or(log) }
    })
    .await;
    let asked = cli::run(&["health", "--balancer", &admin.to_string()]);
    ensure!(
        asked.status == 1 && asked.stdout == "NOT_SERVING\n",
        "{asked:?}"
    );
    process.kill();
    Ok(())
}

#[test]
fn check_reads_all_files_and_opens_no_port() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let file = temp.path().join("lookaside.toml");
    let registry = temp.path().join("registry.toml");
    write_registry(&registry)?;
    // Somebody has the port: a start would fail, a check does not.
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let taken = taken.local_addr()?;
    let good = format!(
        "listen = \"{taken}\"\nregistry = \"file:{}\"\n[state]\ndir = \"{}\"\n",
        registry.display(),
        temp.path().join("state").display(),
    );
    let check = |text: &str| -> Result<cli::Output> {
        fs::write(&file, text)?;
        let file = file.display().to_string();
        Ok(cli::run(&["serve", "--config", &file, "--check"]))
    };
    let checked = check(&good)?;
    ensure!(checked.status == 0, "{checked:?}");
    ensure!(
        checked.stdout.starts_with("the configuration is good"),
        "{checked:?}"
    );
    ensure!(checked.stdout.contains(&taken.to_string()), "{checked:?}");
    ensure!(
        !temp.path().join("state").exists(),
        "it leaves the state alone"
    );

    for (wrong, named) in [
        ("listne = \"x\"", "listne"),
        (
            "[tls]\ncert = \"/nonexistent.pem\"\nkey = \"/nonexistent.key\"",
            "/nonexistent.pem",
        ),
        (
            "[tokens]\nkeys = [\"file:/nonexistent.key\"]",
            "/nonexistent.key",
        ),
        ("[registration]\nenabled = true", "is read only"),
        ("[etcd]\nprefix = \"services\"", "etcd.prefix"),
    ] {
        let broken = good.replace("[state]", &format!("{wrong}\n[state]"));
        let checked = check(&broken)?;
        ensure!(checked.status == 2, "{wrong}: {checked:?}");
        ensure!(checked.stderr.contains(named), "{wrong}: {checked:?}");
    }
    Ok(())
}
