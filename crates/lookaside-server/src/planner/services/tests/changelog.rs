use super::*;
use crate::testing::logged;

/// With the service at these ports, after the start.
fn started(on_empty: OnEmpty, ports: &[u16]) -> Fixture {
    let mut fixture = Fixture::new(on_empty);
    let before = logged(|| {
        fixture.set("orders", Some(service(ports))).after(QUIET);
    });
    assert_eq!(before, "", "what is there at the start is no change");
    fixture.services.open_changelog();
    fixture
}

const PREFIX: &str =
    " INFO lookaside_server::planner::changelog: list changed service=orders revision=";

/// The lines of a round without what all begin with, which then ends.
fn round(fixture: &mut Fixture, work: impl FnOnce(&mut Fixture)) -> Vec<String> {
    let text = logged(|| work(fixture));
    fixture.services.tell_waiting();
    text.lines()
        .map(|line| line.strip_prefix(PREFIX).expect(line).to_owned())
        .collect()
}

#[test]
fn backends_that_join_leave_or_change_are_named_in_a_line() {
    let mut fixture = started(OnEmpty::Fallback, &[1, 2, 3]);
    let mut next = (*service(&[2, 3, 4])).clone();
    Arc::make_mut(&mut next.backends[0]).weight = 7;
    Arc::make_mut(&mut next.backends[1]).state = BackendState::Draining;
    let lines = round(&mut fixture, |it| {
        it.set("orders", Some(Arc::new(next))).after(QUIET);
    });
    assert_eq!(
        lines,
        ["2 version=2 plan=\"list\" joined=\"b4\" left=\"b1\" changed=\"b2, b3 (draining)\""]
    );
}

#[test]
fn of_many_the_first_are_named_and_the_others_counted() {
    let mut fixture = started(OnEmpty::Fallback, &[1]);
    let ports: Vec<u16> = [1].into_iter().chain(100..200).collect();
    let lines = round(&mut fixture, |it| {
        it.set("orders", Some(service(&ports))).after(QUIET);
    });
    assert!(lines[0].contains("joined=\"b100, b101, "), "{lines:?}");
    assert!(lines[0].ends_with("b119 and 80 more\""), "{lines:?}");
}

#[test]
fn a_round_has_one_line_of_a_service_and_the_next_has_the_rest() {
    let mut fixture = started(OnEmpty::Fallback, &[1]);
    let first = logged(|| {
        for ports in [&[1, 2][..], &[1, 2, 3], &[1, 3], &[1, 3, 4]] {
            fixture.set("orders", Some(service(ports))).after(QUIET);
        }
    });
    assert_eq!(first.lines().count(), 1, "{first}");
    assert!(first.ends_with(" joined=\"b2\"\n"), "{first}");
    let rest = logged(|| fixture.services.tell_waiting());
    assert_eq!(
        rest.trim_end(),
        format!("{PREFIX}5 version=5 plan=\"list\" joined=\"b3, b4\" left=\"b2\"")
    );
}

#[test]
fn a_service_without_backends_says_what_its_clients_get() {
    for (on_empty, plan, why) in [
        (
            OnEmpty::Fallback,
            "2 version=2 plan=\"fallback\"",
            "no backend is registered",
        ),
        (
            OnEmpty::Hold,
            "2 version=1 plan=\"held\"",
            "no backend is registered: the last list is kept",
        ),
        (
            OnEmpty::Drop,
            "2 version=2 plan=\"dropped\"",
            "no backend is registered: all calls are dropped",
        ),
    ] {
        let mut fixture = started(on_empty, &[1]);
        let lines = round(&mut fixture, |it| {
            it.set("orders", None).after(QUIET);
        });
        assert_eq!(lines, [format!("{plan} reason=\"{why}\" left=\"b1\"")]);
        let lines = round(&mut fixture, |it| {
            it.set("orders", Some(service(&[1]))).after(QUIET);
        });
        assert!(lines[0].contains("plan=\"list\""), "{lines:?}");
        assert!(lines[0].ends_with("joined=\"b1\""), "{lines:?}");
    }
}

#[test]
fn a_drop_is_no_line_but_an_order_to_fall_back_is() {
    let mut fixture = started(OnEmpty::Fallback, &[1]);
    let lines = round(&mut fixture, |it| {
        let mut settings = Settings::default();
        settings.drops = Drops::new([Drop {
            category: "overload".into(),
            per_million: 500_000,
        }])
        .unwrap();
        it.set_settings("orders", Some(settings));
        it.after(QUIET);
        assert_eq!(it.version("orders"), 2);
    });
    assert_eq!(lines, [""; 0]);
    fixture.services.tell_waiting();
    let lines = round(&mut fixture, |it| {
        let mut settings = Settings::default();
        settings.fallback = true;
        it.set_settings("orders", Some(settings));
        it.after(QUIET);
    });
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("plan=\"ordered\""), "{lines:?}");
}
