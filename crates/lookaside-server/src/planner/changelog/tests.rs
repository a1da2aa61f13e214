use super::*;

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).unwrap()
}

#[test]
fn a_service_is_told_of_once_a_round_and_then_when_its_turn_comes() {
    let mut changelog = Changelog::default();
    assert!(changelog.pass(&name("a")));
    assert!(!changelog.pass(&name("a")));
    assert!(!changelog.pass(&name("a")));
    assert!(changelog.pass(&name("b")));
    assert_eq!(changelog.turn(), [name("a")]);
    assert!(!changelog.pass(&name("a")), "that was its line");
    assert!(changelog.pass(&name("b")));
    assert_eq!(changelog.turn(), [name("a")]);
    assert_eq!(changelog.turn(), []);
    assert!(changelog.pass(&name("a")));
}

#[test]
fn a_crowd_is_told_of_by_and_by_and_nobody_is_left_out() {
    let mut changelog = Changelog::default();
    let all: Vec<_> = (0..LINES * 2 + 7).map(|n| name(&format!("s{n}"))).collect();
    let mut told: Vec<_> = all.iter().filter(|it| changelog.pass(it)).collect();
    assert_eq!(told.len(), LINES);
    // Those that go on changing come after those that wait.
    let rounds: Vec<Vec<ServiceName>> = (0..3)
        .map(|_| {
            let turn = changelog.turn();
            assert!(!changelog.pass(&all[0]));
            turn
        })
        .collect();
    assert_eq!(
        rounds.iter().map(Vec::len).collect::<Vec<_>>(),
        [LINES, 8, 1]
    );
    told.extend(rounds.iter().flatten().filter(|it| **it != all[0]));
    assert_eq!(told, all.iter().collect::<Vec<_>>());
}
