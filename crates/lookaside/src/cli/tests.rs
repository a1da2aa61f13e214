use clap::{CommandFactory, error::ErrorKind};

use super::*;
use crate::config::is_a_flags;

fn parse(args: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from([&["lookaside"], args].concat())
}

#[test]
fn the_definition_of_the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn no_variable_of_a_flag_is_taken_for_a_misspelt_setting() {
    let command = Cli::command();
    let commands = std::iter::once(&command).chain(command.get_subcommands());
    let mut found = 0;
    for variable in commands.flat_map(|it| it.get_arguments().filter_map(clap::Arg::get_env)) {
        let variable = variable.to_str().unwrap();
        // Not ours alone, as `USER` is not.
        if !variable.starts_with("LOOKASIDE_") {
            continue;
        }
        assert!(is_a_flags(variable), "{variable}");
        found += 1;
    }
    assert!(found > 5, "{found}");
}

/// What stands in a command's help under `Examples:`, up to an empty line.
fn examples(help: &str) -> Vec<Vec<String>> {
    let after = ["\nExamples:\n", "\nExample:\n"]
        .iter()
        .find_map(|it| Some(help.split_once(it)?.1));
    let after = after.unwrap_or_default();
    let section = after.split("\n\n").next().unwrap_or_default();
    // What goes on in the next line.
    let lines = section.replace(" \\\n", " ");
    lines.lines().map(words).collect()
}

/// A line as a shell reads it: quotes hold words together. What follows three spaces says
/// what the example is for.
fn words(line: &str) -> Vec<String> {
    let line = line.trim_start().split("   ").next().unwrap_or_default();
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_command_has_examples_that_parse_and_says_its_exit_codes() {
    for command in Cli::command().get_subcommands_mut() {
        let name = command.get_name().to_owned();
        let help = command.render_long_help().to_string();
        let examples = examples(&help);
        assert!(
            !examples.is_empty(),
            "no Examples: in the help of {name}: {help}"
        );
        for example in examples {
            assert!(
                example.starts_with(&["lookaside".to_owned(), name.clone()]),
                "{example:?}"
            );
            if let Err(error) = Cli::try_parse_from(&example) {
                panic!("{example:?} does not parse: {error}");
            }
        }
        assert!(help.contains("Exit codes: 0"), "{help}");
    }
}

#[test]
fn lists_are_repeated_or_separated_by_commas() {
    let cli = parse(&[
        "probe",
        "echo",
        "--balancer",
        "a:1,b:2",
        "--balancer",
        "c:3",
    ]);
    let Ok(Cli {
        command: Command::Probe(probe),
        ..
    }) = cli
    else {
        panic!("{cli:?}");
    };
    let shown = format!("{probe:?}");
    for name in ["\"a\"", "\"b\"", "\"c\""] {
        assert!(shown.contains(name), "{shown}");
    }
}

#[test]
fn a_wrong_value_is_refused_with_the_flag_and_what_was_expected() {
    for (args, parts) in [
        (
            &["serve", "--listen", "x"][..],
            &["--listen", "HOST:PORT"][..],
        ),
        (
            &["serve", "--registry", "zk://a"],
            &["zk://a", "etcd://HOST"],
        ),
        (&["register", "a b", "h:1"], &["a b", "white space"]),
        (&["register", "a", "0.0.0.0:1"], &["0.0.0.0:1", "concrete"]),
        (
            &["register", "a", "h:1", "--ttl", "0s"],
            &["--ttl", "1s to"],
        ),
        (
            &["register", "a", "h:1", "--ttl", "9"],
            &["--ttl", "like 10s"],
        ),
        (
            &["register", "a", "h:1", "--weight", "-1"],
            &["-1", "--weight", "0..=4294967295"],
        ),
        (
            &["register", "a", "h:1", "--zone", ""],
            &["--zone", "1 to 255 bytes"],
        ),
        (
            &["register", "a", "h:1", "--drain", "500000000000y"],
            &["--drain", "longer than 10 years"],
        ),
        (
            &["backend", "--listen", "h:0", "--name", ""],
            &["--name", "value is required"],
        ),
        (&["probe", "a"], &["--balancer"]),
        (&["probe", "a", "--balancer", "b"], &["HOST:PORT"]),
        (
            &["probe", "a", "--balancer", "b:1", "--qps", "0"],
            &["--qps", "from 0.001"],
        ),
        (
            &["probe", "a", "--balancer", "b:1", "--qps", "1e-300"],
            &["--qps", "from 0.001"],
        ),
        (
            &["probe", "a", "--balancer", "b:1", "--timeout", "0s"],
            &["--timeout", "above zero"],
        ),
        (
            &["probe", "a", "--balancer", "b:1", "--child-policy", "x"],
            &["round_robin", "pick_first"],
        ),
        (
            &["services", "--log-level", "a=b=c"],
            &["--log-level", "info,h2"],
        ),
    ] {
        let error = parse(args).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{args:?}");
        let error = error.to_string();
        for part in parts {
            assert!(error.contains(part), "{part:?} in {error}");
        }
    }
}

#[test]
fn a_registry_and_balancers_exclude_each_other() {
    let error = parse(&[
        "register",
        "a",
        "h:1",
        "--registry",
        "etcd://e:1",
        "--balancer",
        "b:1",
    ])
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ArgumentConflict);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let broken = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
    assert!(is_broken_pipe(&broken().into()));
    assert!(is_broken_pipe(&serde_json::Error::io(broken()).into()));
    assert!(!is_broken_pipe(&std::io::Error::other("x").into()));
    assert!(!is_broken_pipe(&anyhow::anyhow!("x")));
}

#[test]
fn a_cause_that_was_said_is_not_said_again() {
    let inner = || anyhow::anyhow!("port in use");
    assert_eq!(
        explain(&inner().context("cannot listen").context("no balancer")),
        "no balancer: cannot listen: port in use"
    );
    let said = inner().context("cannot listen: port in use");
    assert_eq!(explain(&said), "cannot listen: port in use");
}

#[test]
fn colours_are_decided_before_the_line_is_read() {
    let early = |args: &[&str]| early_colour(args.iter().map(Into::into));
    assert_eq!(early(&["services"]), Colour::Auto);
    assert_eq!(early(&["--color", "always", "--help"]), Colour::Always);
    assert_eq!(early(&["services", "--color=never", "-h"]), Colour::Never);
    assert_eq!(early(&["--color"]), Colour::Auto);
}

#[test]
fn every_shell_gets_a_script_that_knows_every_command() {
    for shell in clap_complete::Shell::value_variants() {
        let mut script = Vec::new();
        clap_complete::generate(*shell, &mut Cli::command(), "lookaside", &mut script);
        let script = String::from_utf8(script).unwrap();
        for command in Cli::command().get_subcommands() {
            assert!(
                script.contains(command.get_name()),
                "{shell}: {}",
                command.get_name()
            );
        }
    }
}

/// `docs/`, beside `crates/`.
fn docs() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

#[test]
fn every_json_has_a_schema_and_every_schema_a_command() {
    let command = Cli::command();
    let with_json = command.get_subcommands().filter(|command| {
        let mut flags = command.get_arguments();
        flags.any(|it| it.get_long() == Some("json"))
    });
    let mut expected: Vec<_> = with_json
        .map(|it| format!("{}.json", it.get_name()))
        .collect();
    expected.sort();
    let entries = std::fs::read_dir(docs().join("schema")).unwrap();
    let name = |it: io::Result<std::fs::DirEntry>| it.unwrap().file_name().into_string().unwrap();
    let mut found: Vec<_> = entries.map(name).collect();
    found.sort();
    assert_eq!(
        found, expected,
        "files in docs/schema, commands with --json"
    );
}

/// The table of commands in docs/command-line.md.
fn command_table() -> String {
    let mut table = "| command | what it does | `--json` |\n| --- | --- | --- |\n".to_owned();
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        let about = command.get_about().unwrap().to_string();
        let about = about.trim_end_matches('.').replace('|', "\\|");
        let json = command
            .get_arguments()
            .any(|it| it.get_long() == Some("json"));
        let schema = if json {
            format!("[{name}.json](schema/{name}.json)")
        } else {
            String::new()
        };
        table += &format!("| `{name}` | {about} | {schema} |\n");
    }
    table
}

#[test]
fn the_document_lists_every_command() {
    let path = docs().join("command-line.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- commands -->\n", "<!-- end of commands -->\n");
    let (before, rest) = text.split_once(begin).unwrap();
    let (table, after) = rest.split_once(end).unwrap();
    let expected = command_table();
    if std::env::var_os("LOOKASIDE_BLESS").is_some() {
        let text = format!("{before}{begin}{expected}{end}{after}");
        std::fs::write(&path, text).unwrap();
    } else {
        let how = "LOOKASIDE_BLESS=1 cargo test -p lookaside the_document writes it anew";
        assert_eq!(table, expected, "{how}");
    }
}
