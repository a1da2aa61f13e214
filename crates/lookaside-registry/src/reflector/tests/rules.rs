use std::{sync::Arc, time::Duration};

use super::driven::Driven;
use crate::{
    Freshness,
    reflector::{
        Action, FIRST_PAGE, Failure, FailureKind, Header, Input, KeyValue, Notice, Page,
        PageRequest,
    },
};

fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// One that follows a store with one key.
fn following() -> Driven {
    let mut driven = Driven::new();
    driven.world.write(vec![("p/a/1", Some(1))]);
    driven.pass(secs(0));
    for _ in 0..3 {
        driven.answer(1000);
    }
    driven.deliver(1000);
    assert_eq!(
        driven.asked(),
        [
            Action::Connect,
            Action::List(PageRequest {
                after: None,
                revision: None,
                limit: FIRST_PAGE
            }),
            Action::Watch { from: 2 },
        ]
    );
    driven
}

#[test]
fn a_watch_resumes_at_the_last_applied_event_and_not_at_a_header() {
    let mut driven = following();
    for n in 0..10 {
        driven.world.write(vec![("p/a/1", Some(n))]);
    }
    // Three of ten revisions arrive; their header says 12.
    driven.deliver(3);
    driven.break_watch(FailureKind::Unavailable);
    driven.pass(secs(1));
    driven.answer(1000);
    let actions = driven.asked();
    assert_eq!(actions.last(), Some(&Action::Watch { from: 5 }));
    driven.settle();
    assert_eq!(driven.state.unwrap().revision, 12);
}

#[test]
fn progress_moves_neither_the_resume_point_nor_the_revision() {
    let mut driven = following();
    driven.world.write(vec![]);
    let mut progress = driven.world.response(Vec::new());
    progress.header.revision = 1_000;
    driven.input(Input::Watch(Ok(progress)));
    driven.break_watch(FailureKind::Unavailable);
    driven.pass(secs(1));
    driven.answer(1000);
    assert_eq!(driven.asked().last(), Some(&Action::Watch { from: 2 }));
    assert_eq!(driven.state.unwrap().revision, 2);
}

#[test]
fn silence_is_answered_by_a_question_then_a_read_and_is_no_death_on_a_quiet_store() {
    let mut driven = following();
    driven.silence();
    driven.pass(secs(4));
    assert_eq!(driven.asked(), []);
    driven.pass(secs(1));
    assert_eq!(driven.asked(), [Action::AskProgress]);
    driven.pass(secs(5));
    assert_eq!(driven.asked(), [Action::Read]);
    driven.pass(secs(60));
    assert_eq!(driven.asked(), [], "the driver times the read");
    driven.answer(1000);
    driven.pass(secs(5));
    assert_eq!(driven.asked(), [Action::AskProgress], "idle, not dead");
}

#[test]
fn a_silent_watch_of_a_store_that_does_not_answer_is_dead() {
    let mut driven = following();
    driven.silence();
    driven.pass(secs(10));
    driven.refuse(FailureKind::Unavailable);
    assert_eq!(driven.asked().last(), Some(&Action::Disconnect));
    assert!(matches!(driven.freshness, Some(Freshness::Stale { .. })));
}

#[test]
fn a_watch_that_withholds_a_change_is_replaced_by_a_list_after_the_catch_up_time() {
    let mut driven = following();
    driven.silence();
    driven.world.write(vec![("p/b/1", Some(9))]);
    driven.pass(secs(10));
    driven.answer(1000);
    driven.asked();
    driven.pass(secs(29));
    let asked = driven.asked();
    assert!(
        asked.iter().all(|it| *it == Action::AskProgress),
        "{asked:?}"
    );
    driven.pass(secs(2));
    driven.answer(1000);
    let asked = driven.asked();
    assert!(matches!(
        asked[..],
        [Action::Disconnect, Action::Connect, Action::List(_)]
    ));
}

#[test]
fn an_event_during_the_read_counts_more_than_the_read() {
    let mut driven = following();
    driven.pass(secs(5));
    driven.silence();
    driven.pass(secs(10));
    assert_eq!(driven.asked().last(), Some(&Action::Read));
    // The read was answered at revision 2, but an event of revision 3 overtakes it.
    let read = driven.world.header();
    driven.world.write(vec![("p/a/1", Some(2))]);
    let (event, _) = driven.world.batch(2, 1);
    driven.input(Input::Watch(Ok(event)));
    driven.input(Input::Read(Ok(read)));
    assert_eq!(driven.asked(), []);
    assert_eq!(driven.state.unwrap().revision, 3);
}

#[test]
fn a_store_that_went_back_is_noticed_on_reconnecting_and_said() {
    let mut driven = following();
    let before = Arc::clone(&driven.state.as_ref().unwrap().services["a"]);
    driven.world.write(vec![("p/b/1", Some(1))]);
    driven.deliver(1);
    driven.restore(1, true);
    driven.settle();
    let state = driven.state.unwrap();
    assert_eq!(state.revision, 2);
    assert!(!state.services.contains_key("b"));
    assert!(Arc::ptr_eq(&before, &state.services["a"]));
    assert!(driven.notices.contains(&Notice::RolledBack {
        from: 3,
        to: 2,
        other_cluster: false
    }));
}

#[test]
fn a_restored_store_that_has_overtaken_the_applied_revision_is_listed_again() {
    let mut driven = following();
    driven.world.write(vec![("p/b/1", Some(1))]);
    driven.deliver(1);
    driven.restore(1, true);
    for _ in 0..5 {
        driven.world.write(vec![("p/a/2", Some(3))]);
    }
    driven.settle();
    let state = driven.state.unwrap();
    assert!(driven.world.confirms(&state), "{state:?}");
    assert!(!state.services.contains_key("b"));
}

#[test]
fn the_pages_of_a_list_are_of_one_history_or_the_list_begins_again() {
    let mut driven = Driven::new();
    let two = || vec![("p/a/1", Some(1)), ("p/a/2", Some(1))];
    driven.world.write(two());
    driven.pass(secs(0));
    driven.answer(1);
    driven.answer(1);
    let asked = driven.asked();
    let second = Some(&Action::List(PageRequest {
        after: Some(b"p/a/1".into()),
        revision: Some(2),
        limit: 4 * FIRST_PAGE,
    }));
    assert_eq!(asked.last(), second);
    // The restored store has the same revision, with another content.
    driven.restore_unseen(1, true);
    driven
        .world
        .write(vec![("p/a/1", Some(9)), ("p/a/2", Some(9))]);
    driven.answer(1);
    assert_eq!(driven.asked(), [Action::Disconnect]);
    assert!(driven.state.is_none());
    driven.settle();
    assert!(driven.world.confirms(&driven.state.unwrap()));
}

#[test]
fn a_watch_that_a_restored_store_confirms_is_not_believed() {
    let mut driven = Driven::new();
    driven.world.write(vec![("p/a/1", Some(1))]);
    driven.pass(secs(0));
    driven.answer(1000);
    driven.answer(1000);
    assert_eq!(driven.asked().last(), Some(&Action::Watch { from: 2 }));
    driven.restore_unseen(1, true);
    driven.world.write(vec![("p/a/2", Some(9))]);
    driven.world.write(vec![("p/a/3", Some(9))]);
    driven.answer(1000);
    assert_eq!(driven.asked(), [Action::Disconnect]);
    driven.settle();
    assert!(driven.world.confirms(&driven.state.unwrap()));
}

#[test]
fn a_page_that_is_too_large_is_asked_for_by_half() {
    let mut driven = Driven::new();
    driven
        .world
        .write(vec![("p/a/1", Some(1)), ("p/a/2", Some(1))]);
    driven.pass(secs(0));
    driven.answer(1000);
    driven.asked();
    let mut limits = Vec::new();
    while let Some(Action::List(request)) = {
        driven.refuse(FailureKind::TooLarge);
        driven.asked().pop()
    } {
        limits.push(request.limit);
    }
    assert_eq!(limits, [16, 8, 4, 2, 1]);
}

#[test]
fn a_watch_response_too_large_to_receive_leads_to_a_list() {
    let mut driven = following();
    driven.break_watch(FailureKind::TooLarge);
    driven.pass(secs(1));
    driven.answer(1000);
    assert!(matches!(driven.asked().last(), Some(Action::List(_))));
}

#[test]
fn an_unconfirmed_watch_is_given_up() {
    let mut driven = Driven::new();
    driven.pass(secs(0));
    driven.answer(1000);
    driven.answer(1000);
    assert_eq!(driven.asked().last(), Some(&Action::Watch { from: 1 }));
    driven.pass(secs(5));
    assert!(driven.asked().contains(&Action::Disconnect));
}

#[test]
fn waits_between_attempts_grow_and_are_bounded() {
    let mut driven = Driven::new();
    let mut waits = Vec::new();
    for _ in 0..30 {
        let due = driven.reflector.deadline().expect("a wait");
        waits.push(due - driven.now);
        driven.pass(due - driven.now);
        driven.refuse(FailureKind::Unavailable);
    }
    assert!(waits[1] >= Duration::from_millis(80) && waits[1] <= Duration::from_millis(120));
    assert!(waits.iter().all(|wait| *wait <= secs(6)), "{waits:?}");
    assert!(waits[29] >= secs(4));
}

#[test]
fn before_the_first_state_the_error_of_the_last_attempt_is_shown() {
    let mut driven = Driven::new();
    driven.pass(secs(0));
    let refused = Failure::unavailable("connection refused");
    driven
        .reflector
        .handle(Input::Read(Err(refused)), driven.now);
    match driven.reflector.take_update().unwrap().freshness {
        Freshness::Connecting { error, .. } => {
            assert_eq!(error.as_deref(), Some("connection refused"))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn pages_grow_to_what_their_keys_allow() {
    let mut driven = Driven::new();
    driven.pass(secs(0));
    driven.answer(1000);
    let mut limits = Vec::new();
    // 1 MiB each, then 100 bytes each.
    for (page, size) in [
        (32, 1 << 20),
        (4, 100),
        (16, 100),
        (64, 100),
        (256, 100),
        (1000, 100),
    ] {
        let Some(Action::List(request)) = driven.asked().pop() else {
            panic!("no list");
        };
        limits.push(request.limit);
        let first = limits.len() * 10_000;
        let keys = (first..first + page).map(|n| KeyValue {
            key: format!("p/a/{n:06}").into(),
            value: vec![0; size],
            mod_revision: 1,
        });
        driven.input(Input::Page(Ok(Page {
            header: driven.world.header(),
            keys: keys.collect(),
            more: true,
        })));
    }
    assert_eq!(limits, [32, 3, 12, 48, 192, 768]);
}

/// One that follows three members, cut off from the one it was connected to.
fn one_of_three_lost() -> Driven {
    let mut driven = Driven::with_members(3);
    driven.world.write(vec![("p/a/1", Some(1))]);
    driven.pass(secs(0));
    for _ in 0..3 {
        driven.answer(1000);
    }
    driven.break_watch(FailureKind::Unavailable);
    driven.asked();
    driven
}

/// The next member to be connected to answers the first read.
fn next_says(driven: &mut Driven, answer: Result<Header, Failure>) -> Vec<Action> {
    while !driven.asked().contains(&Action::Connect) {
        driven.pass(Duration::from_millis(100));
    }
    driven.take_pending();
    driven.input(Input::Read(answer));
    driven.asked()
}

fn stranger() -> Result<Header, Failure> {
    Ok(Header {
        cluster: 999,
        term: 1,
        revision: 1,
    })
}

#[test]
fn another_history_is_believed_only_if_every_member_shows_it() {
    let mut driven = one_of_three_lost();
    assert_eq!(next_says(&mut driven, stranger()), [Action::Disconnect]);
    assert_eq!(next_says(&mut driven, stranger()), [Action::Disconnect]);
    // The third knows the history: listed, as something was in doubt.
    let known = Ok(driven.world.header());
    assert!(matches!(
        next_says(&mut driven, known)[..],
        [Action::List(_)]
    ));
    driven.break_watch(FailureKind::Unavailable);
    driven.input(Input::Page(Err(Failure::unavailable("gone"))));
    driven.asked();
    for _ in 0..2 {
        assert_eq!(next_says(&mut driven, stranger()), [Action::Disconnect]);
    }
    let all = next_says(&mut driven, stranger());
    assert!(matches!(all[..], [Action::List(_)]), "{all:?}");
}

#[test]
fn members_that_stay_silent_cannot_keep_a_history_alive() {
    let mut driven = one_of_three_lost();
    let start = driven.now;
    let believed = loop {
        let said = next_says(&mut driven, stranger());
        if said != [Action::Disconnect] {
            break said;
        }
        let silent = || Err(Failure::unavailable("down"));
        assert_eq!(next_says(&mut driven, silent()), [Action::Disconnect]);
        assert!(driven.now < start + secs(60), "never believed");
    };
    assert!(matches!(believed[..], [Action::List(_)]), "{believed:?}");
    assert!(driven.now >= start + secs(30), "{:?}", driven.now - start);
}

#[test]
fn a_store_that_was_away_for_long_is_listed_whatever_it_says() {
    let mut driven = following();
    driven.world.write(vec![("p/b/1", Some(1))]);
    driven.deliver(1);
    driven.asked();
    driven.away_and_restored(1);
    for _ in 0..5 {
        driven.world.write(vec![("p/a/2", Some(3))]);
    }
    driven.settle();
    let state = driven.state.unwrap();
    assert!(driven.world.confirms(&state), "{state:?}");
    assert!(!state.services.contains_key("b"));
}
