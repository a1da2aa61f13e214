use std::{os::unix::fs::PermissionsExt, time::Duration};

use super::*;

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_was_written_is_read_by_the_next_process() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("made/for/it");
    let mut dir = StateDir::new(path.clone());
    assert!(dir.read().unwrap().is_none());
    for content in [&b"one"[..], b"longer than one", b""] {
        dir.write(content).unwrap();
        assert_eq!(
            StateDir::new(path.clone()).read().unwrap().unwrap(),
            content
        );
    }
    dir.write_seen(b"now").unwrap();
    assert_eq!(dir.read_seen().unwrap().unwrap(), b"now");
    assert_eq!(names(&path), ["lock", "registry.seen", "registry.state"]);
}

#[test]
fn only_its_owner_may_look_at_it() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("state");
    let mut dir = StateDir::new(path.clone());
    dir.write(b"a secret").unwrap();
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&path.join(STATE)), 0o600);
    // Nor when a file is in the way that everybody may look at.
    fs::write(path.join(NEW), "left behind").unwrap();
    fs::set_permissions(path.join(NEW), fs::Permissions::from_mode(0o644)).unwrap();
    dir.write(b"another").unwrap();
    assert_eq!(mode(&path.join(STATE)), 0o600);
}

#[test]
fn one_process_writes_and_the_others_are_told_which() {
    let temp = tempfile::tempdir().unwrap();
    let mut first = StateDir::new(temp.path().to_owned());
    first.write(b"mine").unwrap();
    let mut second = StateDir::new(temp.path().to_owned());
    let now = SystemTime::now();
    for error in [
        second.write(b"no, mine").unwrap_err(),
        second.write_seen(b"x").unwrap_err(),
        second.set_aside("damaged", now).unwrap_err(),
    ] {
        let said = error.to_string();
        for part in [
            temp.path().to_str().unwrap(),
            "another balancer",
            &format!("process {}", process_id()),
        ] {
            assert!(said.contains(part), "{part:?} in {said:?}");
        }
    }
    assert_eq!(second.read().unwrap().unwrap(), b"mine");
    drop(first);
    second.write(b"now mine").unwrap();
}

fn process_id() -> u32 {
    std::process::id()
}

#[test]
fn of_the_files_set_aside_the_newest_are_kept() {
    let temp = tempfile::tempdir().unwrap();
    let mut dir = StateDir::new(temp.path().to_owned());
    let mut now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let mut last = PathBuf::new();
    for n in 0..6 {
        dir.write(format!("damaged {n}").as_bytes()).unwrap();
        last = dir.set_aside("damaged", now).unwrap();
        now += Duration::from_secs(40_000);
    }
    assert!(dir.read().unwrap().is_none());
    assert_eq!(fs::read(&last).unwrap(), b"damaged 5");
    let aside = names(temp.path());
    let aside: Vec<_> = aside.iter().filter(|it| it.contains("damaged")).collect();
    assert_eq!(aside.len(), KEPT);
    for (n, name) in (3..6).zip(aside) {
        let content = fs::read_to_string(temp.path().join(name)).unwrap();
        assert_eq!(content, format!("damaged {n}"));
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_an_error_that_names_it() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("file"), "").unwrap();
    let mut dir = StateDir::new(temp.path().join("file/state"));
    let error = dir.write(b"x").unwrap_err().to_string();
    assert!(error.contains("file/state"), "{error}");
    assert!(dir.read().is_err());
}

#[test]
fn a_write_that_fails_leaves_the_last_state() {
    let temp = tempfile::tempdir().unwrap();
    let mut dir = StateDir::new(temp.path().to_owned());
    dir.write(b"good").unwrap();
    // A directory in the way of the new file.
    fs::create_dir(temp.path().join(NEW)).unwrap();
    let error = dir.write(b"lost").unwrap_err().to_string();
    assert!(error.contains(NEW), "{error}");
    assert_eq!(dir.read().unwrap().unwrap(), b"good");
    fs::remove_dir(temp.path().join(NEW)).unwrap();
    dir.write(b"better").unwrap();
    assert_eq!(dir.read().unwrap().unwrap(), b"better");
}
