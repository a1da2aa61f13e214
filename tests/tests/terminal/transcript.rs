//! Every command of inspection and control as a person sees it, against what is kept in
//! `kept/`. `LOOKASIDE_BLESS=1` keeps what is printed now.

use std::{env, fmt::Write, fs, path::Path, process::Command};

use anyhow::Result;
use lookaside_tests::{
    Process, binary,
    cli::{self, Output},
    wire::Stream,
};
use rustix::process::Signal;

use super::{table, world::World};

/// What was typed and printed.
struct Transcript {
    name: &'static str,
    text: String,
}

impl Transcript {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            text: String::new(),
        }
    }

    fn add(&mut self, world: &World, args: &[&str], output: &Output) {
        assert_eq!(
            table::faults(&output.stdout),
            [""; 0],
            "{args:?}\n{}",
            output.stdout
        );
        let quoted = args.iter().map(|it| match it.contains(' ') {
            true => format!("'{it}'"),
            false => String::from(*it),
        });
        let quoted = quoted.collect::<Vec<_>>().join(" ");
        let _ = writeln!(self.text, "$ lookaside {quoted}");
        self.text += &settled(world, &output.stdout);
        for line in settled(world, &output.stderr).lines() {
            let _ = writeln!(self.text, "(standard error) {line}");
        }
        if output.status != 0 {
            let _ = writeln!(self.text, "(exit code {})", output.status);
        }
        self.text.push('\n');
    }

    fn is_as_kept(&self) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/terminal/kept");
        let path = path.join(format!("{}.txt", self.name));
        if env::var_os("LOOKASIDE_BLESS").is_some() {
            fs::write(&path, &self.text).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        let (path, text) = (path.display(), &self.text);
        assert!(
            *text == kept,
            "{path} has\n{kept}\nnow it is\n{text}\nLOOKASIDE_BLESS=1 keeps it"
        );
    }
}

/// Without what differs from run to run: addresses, times, ages, the build, and the blanks
/// that they move.
pub(crate) fn settled(world: &World, text: &str) -> String {
    let text = text
        .replace(&world.balancer.addr.to_string(), "BALANCER")
        .replace(&world.balancer.admin.to_string(), "ADMIN")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION");
    let mut settled = String::new();
    for line in text.lines() {
        if line.starts_with("build ") {
            settled += "build BUILD\n";
            continue;
        }
        let mut words = Vec::new();
        let mut blanks = 0;
        for word in line.split(' ') {
            if word.is_empty() {
                blanks += 1;
                continue;
            }
            let blank = if words.is_empty() || blanks == 0 {
                ""
            } else {
                " "
            };
            words.push(format!("{blank}{}", settled_word(word)));
            blanks = 0;
        }
        settled += &words.join(" ");
        settled.push('\n');
    }
    settled
}

fn settled_word(word: &str) -> String {
    let shape: String = word
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    let core = shape.trim_matches(['(', ')', ',', ';', ':']);
    let place = if core.starts_with("0000-00-00T") {
        "TIME"
    } else if core.starts_with("000.0.0.0:00000") {
        "PEER"
    } else if core
        .strip_suffix('s')
        .is_some_and(|it| ["0.0", "00", "0"].contains(&it))
    {
        "AGE"
    } else if core.contains("/services.toml") || core.contains("/lookaside.toml") {
        "FILE"
    } else {
        return word.to_owned();
    };
    let digits: String = shape.replace(core, place);
    digits
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_say_what_came_of_them() -> Result<()> {
    let world = World::start().await?;
    let mut shown = Transcript::new("control");
    for (args, in_force) in [
        (
            &[
                "drain",
                "orders",
                "a",
                "--for",
                "30m",
                "--reason",
                "disk is failing",
            ][..],
            1,
        ),
        (&["weight", "orders", "b", "7"], 2),
        (&["drops", "orders", "overload=25%", "test=0.5%"], 3),
        (&["fallback", "orders", "on"], 4),
        (&["fallback", "orders", "clear"], 3),
        (&["fallback", "orders", "clear"], 3),
        (&["undrain", "orders", "b"], 3),
        (&["cordon", "--zone", "eu-1"], 4),
    ] {
        let output = world.order(args, in_force).await;
        shown.add(&world, args, &output);
    }
    for args in [
        &["overrides"][..],
        &["overrides", "nobody"],
        &["service", "orders"],
        &["explain", "orders", "a"],
        &["uncordon", "--zone", "eu-1"],
        &["cordon", "127.0.0.1", "--for", "1h"],
        &["uncordon", "127.0.0.1"],
        &["undrain", "orders", "a"],
        &["weight", "orders", "b", "clear"],
        &["drops", "orders", "none"],
        &["drops", "orders", "clear"],
        &["reload"],
        &["end-streams", "orders"],
        // Refused.
        &["drain", "nobody", "a"],
        &["drain", "orders", "x"],
        &["cordon", "10.0.0.5"],
        &["cordon", "10.0.0.5:80"],
        &["weight", "orders", "a", "many"],
    ] {
        shown.add(&world, args, &world.run(args));
    }
    shown.is_as_kept();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn inspection_is_in_tables() -> Result<()> {
    let world = World::start().await?;
    let mut shown = Transcript::new("inspection");
    let mut stream = Stream::open(world.balancer.addr, "orders").await?;
    stream.list().await?;
    for args in [
        &["services"][..],
        &["service", "orders"],
        &["service", "billing:443"],
        &["streams"],
        &["streams", "billing"],
        &["explain", "orders", "a"],
        &["explain", "orders", "127.0.0.1:1002", "--peer", "127.0.0.1"],
        &["status"],
        &["overrides"],
        &["token", "0HBaK2wDSypeBEsob"],
        &["health"],
        &["doctor"],
        // There is no such thing.
        &["service", "nobody"],
        &["explain", "orders", "x"],
        &["token", "0xxxxxxxxyyyyyyyy"],
        &["streams", "--peer", "nowhere"],
    ] {
        shown.add(&world, args, &world.run(args));
    }
    // Too long to be kept whole, and the rest of it is in the documents.
    let args = ["settings"];
    let mut settings = world.run(&args);
    assert_eq!(table::faults(&settings.stdout), [""; 0]);
    settings.stdout = settings.stdout.split_inclusive('\n').take(5).collect();
    shown.add(&world, &args, &settings);
    let args = ["watch", "orders"];
    shown.add(&world, &args, &watched(&world, &args).await);
    shown.is_as_kept();
    Ok(())
}

/// What it shows first; a signal ends it.
async fn watched(world: &World, args: &[&str]) -> Output {
    let mut command = Command::new(binary::lookaside());
    command.args(args).envs(world.variables());
    let mut watch = Process::spawn("watch", &mut command);
    watch
        .line("the last backend", |it| it.starts_with("b ").then_some(()))
        .await;
    watch.signal(Signal::INT);
    let status = watch.ended().await.code().unwrap_or(-1);
    let all = |lines: Vec<String>| lines.iter().map(|it| format!("{it}\n")).collect();
    cli::Output {
        status,
        stdout: all(watch.stdout()),
        stderr: all(watch.stderr()),
    }
}
