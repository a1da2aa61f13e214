use lookaside_core::{Key, KeyRingError};

use super::*;

fn ring(n: u8) -> KeyRing {
    Key::new(&[n; 16]).unwrap().into()
}

fn error(path: &str) -> KeyFileError {
    KeyFileError::Empty { path: path.into() }
}

fn judge(judge: &mut Judge, ring: Result<KeyRing, KeyFileError>) -> Judged {
    judge.judge(Read {
        ring,
        exposed: Vec::new(),
    })
}

#[test]
fn what_is_new_is_believed_when_it_is_seen_twice() {
    let mut it = Judge::new(Some(ring(1)));
    assert_eq!(judge(&mut it, Ok(ring(1))), Judged::Same);
    // Half a key, then all of it.
    assert_eq!(judge(&mut it, Ok(ring(9))), Judged::Settling);
    assert_eq!(judge(&mut it, Ok(ring(2))), Judged::Settling);
    assert_eq!(judge(&mut it, Ok(ring(2))), Judged::Ring(ring(2)));
    assert_eq!(judge(&mut it, Ok(ring(2))), Judged::Same);
}

#[test]
fn a_moments_half_file_is_no_error() {
    let mut it = Judge::new(Some(ring(1)));
    assert_eq!(judge(&mut it, Err(error("x"))), Judged::Settling);
    assert_eq!(judge(&mut it, Ok(ring(1))), Judged::Same);
    assert_eq!(judge(&mut it, Err(error("x"))), Judged::Settling);
    assert_eq!(judge(&mut it, Err(error("x"))), Judged::Error(error("x")));
}

#[test]
fn an_error_is_told_once_and_its_end_too() {
    let mut it = Judge::new(Some(ring(1)));
    let other = KeyFileError::Ring(KeyRingError::Empty);
    for error in [error("x"), other] {
        assert_eq!(judge(&mut it, Err(error.clone())), Judged::Settling);
        let told = judge(&mut it, Err(error.clone()));
        assert_eq!(told, Judged::Error(error.clone()));
        assert_eq!(judge(&mut it, Err(error)), Judged::Same);
    }
    assert_eq!(judge(&mut it, Ok(ring(1))), Judged::Settling);
    assert_eq!(judge(&mut it, Ok(ring(1))), Judged::Recovered);
    assert_eq!(judge(&mut it, Ok(ring(1))), Judged::Same);
}

#[test]
fn without_a_ring_at_first_the_first_one_is_new() {
    let mut it = Judge::new(None);
    assert_eq!(judge(&mut it, Ok(ring(1))), Judged::Settling);
    assert_eq!(judge(&mut it, Ok(ring(1))), Judged::Ring(ring(1)));
}
