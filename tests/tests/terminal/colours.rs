//! Colours are for people: on a terminal, unless somebody wants none.

use std::process::Command;

use anyhow::Result;
use lookaside_tests::{binary, pty::Terminal, wire::Stream};

use super::{transcript::settled, world::World};

const SIZE: (u16, u16) = (40, 200);

/// What `lookaside` writes to a terminal.
async fn on_a_terminal(world: &World, args: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(binary::lookaside());
    command.args(args).envs(world.variables());
    // Whoever runs the tests may want none, or all (CI).
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
        command.env_remove(name);
    }
    command
        .env("TERM", "xterm-256color")
        .envs(variables.iter().copied());
    let mut terminal = Terminal::run(&mut command, SIZE);
    let status = terminal.ended().await;
    assert!(status.success(), "{args:?}: {status}");
    // All of it is there when the last line is.
    let whole = || terminal.written().ends_with("\r\n").then_some(());
    terminal.until("its last line", |_| whole()).await;
    terminal.written()
}

fn without_colours(text: &str) -> String {
    let mut plain = String::new();
    let mut parts = text.split("\x1b[");
    plain.extend(parts.next());
    for part in parts {
        plain.extend(part.split_once('m').map(|(_, rest)| rest));
    }
    plain.replace("\r\n", "\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_gets_colours_and_else_the_same_text_as_a_pipe() -> Result<()> {
    let world = World::start().await?;
    world.order(&["drain", "orders", "a"], 1).await;
    let mut stream = Stream::open(world.balancer.addr, "orders").await?;
    stream.list().await?;
    for args in [
        &["services"][..],
        &["service", "orders"],
        &["streams"],
        &["explain", "orders", "b"],
        &["status"],
        &["settings"],
        &["overrides"],
        &["doctor"],
    ] {
        let seen = on_a_terminal(&world, args, &[]).await;
        assert!(seen.contains("\x1b["), "{args:?} has no colours: {seen}");
        let piped = world.run(args);
        assert!(!piped.stdout.contains('\x1b'), "{args:?}: {piped:?}");
        let text = format!("{}{}", piped.stdout, piped.stderr);
        let (seen, text) = (
            settled(&world, &without_colours(&seen)),
            settled(&world, &text),
        );
        assert_eq!(seen, text, "{args:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_or_a_variable_says_otherwise_and_the_flag_wins() -> Result<()> {
    let world = World::start().await?;
    let services = |color: &'static str| ["services", "--color", color];
    for variable in [("NO_COLOR", "1"), ("TERM", "dumb"), ("CLICOLOR", "0")] {
        let seen = on_a_terminal(&world, &["services"], &[variable]).await;
        assert!(!seen.contains('\x1b'), "{variable:?}: {seen:?}");
        let seen = on_a_terminal(&world, &services("always"), &[variable]).await;
        assert!(
            seen.contains('\x1b'),
            "--color always, {variable:?}: {seen:?}"
        );
    }
    let seen = on_a_terminal(&world, &services("never"), &[]).await;
    assert!(!seen.contains('\x1b'), "{seen:?}");
    let seen = on_a_terminal(&world, &["services", "--json"], &[]).await;
    assert!(!seen.contains('\x1b'), "JSON has none: {seen:?}");
    assert!(world.run(&services("always")).stdout.contains('\x1b'));
    Ok(())
}
