use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
};

use super::*;

/// All of its parts are the same number.
fn sent(n: u32) -> Sent {
    Sent {
        update: n.into(),
        origin: Origin {
            plan_version: n.into(),
            revision: n.into(),
        },
        rotation: n.is_multiple_of(2).then_some(n),
        at: Duration::from_millis(n.into()),
    }
}

#[test]
fn what_was_sent_is_read_as_it_was_written() {
    let last = LastSent::default();
    assert_eq!(last.get(), None);
    for n in [1, 2, u32::MAX] {
        last.set(sent(n));
        assert_eq!(last.get(), Some(sent(n)));
    }
}

#[test]
fn a_reader_never_sees_half_of_a_push() {
    const PUSHES: u32 = 200_000;
    let last = Arc::new(LastSent::default());
    let done = Arc::new(AtomicBool::new(false));
    let reader = thread::spawn({
        let (last, done) = (Arc::clone(&last), Arc::clone(&done));
        move || {
            let (mut newest, mut seen) = (0, 0);
            while !done.load(SeqCst) {
                let Some(read) = last.get() else { continue };
                let n = u32::try_from(read.update).unwrap();
                assert_eq!(read, sent(n));
                assert!(n >= newest, "{n} after {newest}");
                (newest, seen) = (n, seen + 1);
            }
            seen
        }
    });
    for n in 1..=PUSHES {
        last.set(sent(n));
    }
    done.store(true, SeqCst);
    assert!(reader.join().is_ok_and(|seen| seen > 0));
    assert_eq!(last.get(), Some(sent(PUSHES)));
}

#[test]
fn what_was_sent_of_another_service_is_older_than_anything_of_this_one() {
    let last = LastSent::default();
    last.forget_update();
    assert_eq!(last.get(), None);
    last.set(sent(7));
    last.forget_update();
    let expected = Sent {
        update: 0,
        ..sent(7)
    };
    assert_eq!(last.get(), Some(expected));
}
