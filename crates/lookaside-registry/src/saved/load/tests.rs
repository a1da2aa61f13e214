use std::{fs, path::Path, time::Duration};

use super::*;
use crate::saved::{Contents, SavedBackends, encode};

fn origin() -> Origin {
    Origin::new("etcd://10.0.0.1:2379").with("prefix", "services/")
}

/// At a whole second, as it is written.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn file() -> Vec<u8> {
    let contents = Contents {
        backends: SavedBackends::Followed(Arc::default()),
        settings: Arc::default(),
        overrides: Arc::default(),
        suspects: Default::default(),
    };
    encode(&SavedState {
        origin: origin(),
        as_of: now(),
        contents,
    })
    .unwrap()
}

fn loaded(dir: &Path, origin: &Origin) -> Loaded {
    load(&mut StateDir::new(dir.to_owned()), origin, now())
}

fn said(loaded: &Loaded) -> String {
    let errors: Vec<_> = loaded.errors.iter().map(ToString::to_string).collect();
    errors.join("\n")
}

#[test]
fn a_first_start_finds_nothing_and_complains_of_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let loaded = loaded(&temp.path().join("new"), &origin());
    assert!(loaded.state.is_none() && loaded.errors.is_empty());
}

#[test]
fn what_is_damaged_is_set_aside_and_said_once() {
    let good = file();
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for damaged in [&b""[..], b"[services]", &good[..good.len() / 2], &flipped] {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("registry.state");
        fs::write(&path, damaged).unwrap();
        let first = loaded(temp.path(), &origin());
        assert!(first.state.is_none());
        let error = said(&first);
        let kept = error.rsplit("kept as ").next().unwrap();
        assert_eq!(fs::read(kept).unwrap(), damaged, "{error}");
        assert!(kept.contains("registry.state.damaged-2023-"), "{kept}");
        assert!(!path.exists());
        assert!(loaded(temp.path(), &origin()).errors.is_empty());
    }
}

#[test]
fn the_state_of_another_registry_is_not_used_and_not_lost() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("registry.state"), file()).unwrap();
    let other = Origin::new("etcd://10.9.9.9:2379").with("prefix", "services/");
    let found = loaded(temp.path(), &other);
    assert!(found.state.is_none());
    let error = said(&found);
    assert!(
        error.contains("10.0.0.1") && error.contains("10.9.9.9"),
        "{error}"
    );
    let kept = error.rsplit("kept as ").next().unwrap();
    fs::rename(kept, temp.path().join("registry.state")).unwrap();
    assert!(loaded(temp.path(), &origin()).state.is_some());
}

#[test]
fn a_directory_that_another_one_writes_to_is_read_but_not_touched() {
    let temp = tempfile::tempdir().unwrap();
    let mut other = StateDir::new(temp.path().to_owned());
    other.write(&file()).unwrap();
    let found = loaded(temp.path(), &origin());
    assert!(found.state.is_some());
    assert!(
        said(&found).contains("another balancer"),
        "{}",
        said(&found)
    );

    other.write(b"damaged").unwrap();
    let found = loaded(temp.path(), &origin());
    assert!(found.state.is_none());
    assert!(said(&found).contains("could not be set aside"));
    assert_eq!(other.read().unwrap().unwrap(), b"damaged");
}

#[test]
fn its_age_counts_from_when_it_was_last_seen_to_be_right() {
    let temp = tempfile::tempdir().unwrap();
    let mut dir = StateDir::new(temp.path().to_owned());
    let (state, later) = (file(), now() + Duration::from_secs(3600));
    dir.write(&state).unwrap();
    let as_of = |dir: &mut StateDir| load(dir, &origin(), later).state.unwrap().as_of;
    assert_eq!(as_of(&mut dir), now());
    dir.write_seen(&seen_file(&Mark::of(&state), later))
        .unwrap();
    assert_eq!(as_of(&mut dir), later);
    // Of another state, torn, or from before: the state's own time stands.
    let mark = Mark::of(b"another");
    dir.write_seen(&seen_file(&mark, later)).unwrap();
    assert_eq!(as_of(&mut dir), now());
    let torn = seen_file(&Mark::of(&state), later);
    dir.write_seen(&torn[..torn.len() - 1]).unwrap();
    assert_eq!(as_of(&mut dir), now());
    let earlier = now() - Duration::from_secs(1);
    dir.write_seen(&seen_file(&Mark::of(&state), earlier))
        .unwrap();
    assert_eq!(as_of(&mut dir), now());
}
