//! Exit codes are what docs/command-line.md says: 0, 1 for what could not be done, 2 for
//! what was asked wrongly.

use lookaside_tests::{cli::run, ports};

/// All commands, as the program's help lists them.
fn commands() -> Vec<String> {
    let help = run(&["--help"]).stdout;
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let lines = list.lines().take_while(|line| !line.is_empty());
    let named = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = named.filter_map(|line| line.split_whitespace().next());
    names
        .filter(|it| *it != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_ends_with_2_when_it_is_asked_wrongly() {
    let commands = commands();
    assert!(commands.len() > 20, "{commands:?}");
    for command in &commands {
        let output = run(&[command, "--no-such-flag"]);
        assert_eq!(output.status, 2, "{command}: {output:?}");
        assert!(output.stderr.contains("--no-such-flag"), "{output:?}");
        assert_eq!(output.stdout, "", "{command}");
    }
}

#[test]
fn every_command_that_asks_a_balancer_ends_with_1_when_none_answers_and_names_it() {
    let nobody = ports::unused().to_string();
    // What each needs to have an order at all.
    let operands = |command: &str| -> Option<&[&str]> {
        Some(match command {
            "services" | "streams" | "status" | "settings" | "overrides" | "reload" | "health" => {
                &[]
            }
            "service" | "watch" => &["orders"],
            "explain" | "drain" | "undrain" => &["orders", "a"],
            "cordon" | "uncordon" => &["127.0.0.1"],
            "token" => &["0HBaK2wDSypeBEsob"],
            "weight" => &["orders", "a", "1"],
            "drops" => &["orders", "none"],
            "fallback" => &["orders", "on"],
            "end-streams" => &["--all"],
            "doctor" => &["--balancer", "127.0.0.1:1"],
            // These wait for one, or ask none; `top` needs a terminal.
            "serve" | "register" | "backend" | "probe" | "demo" | "completions" | "top" => {
                return None;
            }
            other => panic!("what does {other} end with?"),
        })
    };
    for command in commands() {
        let Some(operands) = operands(&command) else {
            continue;
        };
        let args = [&[&*command], operands, &["--balancer", &nobody]].concat();
        let output = run(&args);
        assert_eq!(output.status, 1, "{args:?}: {output:?}");
        let said = format!("{}{}", output.stdout, output.stderr);
        assert!(said.contains(&nobody), "{args:?}: {said}");
    }
    let output = run(&["top", "--balancer", &nobody]);
    assert_eq!(output.status, 2, "top needs a terminal: {output:?}");
    assert!(output.stderr.contains("no terminal"), "{output:?}");
}

#[test]
fn help_and_version_are_no_failures() {
    for args in [&["--help"][..], &["--version"], &["help", "services"]] {
        let output = run(args);
        assert_eq!((output.status, &*output.stderr), (0, ""), "{args:?}");
        assert!(!output.stdout.is_empty());
    }
    assert_eq!(run(&[]).status, 2, "nothing was asked");
}
