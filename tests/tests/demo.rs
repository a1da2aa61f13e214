//! The demo, as a newcomer sees it.

use std::time::Duration;

use lookaside_tests::cli::{Output, run_with};

/// It takes some 20 seconds where there is nothing else to do.
const BOUND: Duration = Duration::from_secs(120);

/// A word of each scene's line, in their order, and what the table at the end calls it.
const SCENES: [(&str, &str); 5] = [
    ("weights 3:2:1", "weights 3:2:1"),
    ("is killed without a word", "b killed"),
    ("joins with weight 4", "d joined"),
    ("25 % of the calls dropped", "25 % dropped"),
    ("balancer is killed and comes back", "balancer restarted"),
];

fn demo(args: &[&str]) -> Output {
    // Whoever runs the tests may have a terminal, and settings.
    let env = [("TERM", "xterm"), ("LOOKASIDE_REGISTRY", "memory:")];
    run_with(&[&["demo"], args].concat(), &env, BOUND)
}

#[test]
fn the_demo_needs_nothing_and_plays_all_its_scenes() {
    let Output {
        status,
        stdout,
        stderr,
    } = demo(&[]);
    assert_eq!(status, 0, "{stdout}\n{stderr}");
    assert_eq!(stderr, "", "{stdout}");
    let mut rest = stdout.as_str();
    for (line, _) in SCENES {
        let Some((_, after)) = rest.split_once(line) else {
            panic!("no {line:?} at its place in\n{stdout}");
        };
        rest = after;
    }
    let Some((_, table)) = rest.split_once("EXPECTED") else {
        panic!("no table at the end of\n{stdout}");
    };
    for (_, title) in SCENES {
        assert!(table.contains(title), "no {title:?} in\n{table}");
    }
    assert!(table.contains(" 0 failed."), "{table}");
    let last = stdout.lines().next_back();
    assert_eq!(last, Some("Everything went as it should."), "{stdout}");
    // No terminal: nothing is drawn over, nothing is coloured.
    let plain = |c: char| c == '\n' || !c.is_control();
    assert!(stdout.chars().all(plain), "{stdout:?}");
}
