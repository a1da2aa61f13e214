use super::{
    super::testing::{Ca, Files},
    *,
};

fn watcher(files: &Files) -> Watcher {
    Watcher::new(files.tls.clone(), Contents::read(&files.tls).unwrap())
}

fn look(watcher: &mut Watcher, files: &Files) -> Look {
    watcher.look(Contents::read(&files.tls), false)
}

#[test]
fn a_new_certificate_is_used_and_the_same_one_is_not_new() {
    let ca = Ca::new("ca");
    let files = Files::new(&ca.leaf(&[]), None);
    let mut watcher = watcher(&files);
    assert!(matches!(look(&mut watcher, &files), Look::Same));
    let new = ca.leaf(&[]);
    files.write("cert.pem", &new.cert);
    files.write("key.pem", &new.key);
    assert!(matches!(look(&mut watcher, &files), Look::New(_)));
    assert!(matches!(look(&mut watcher, &files), Look::Same));
}

#[test]
fn certificate_and_key_may_be_replaced_one_after_the_other() {
    let ca = Ca::new("ca");
    let files = Files::new(&ca.leaf(&[]), None);
    let mut watcher = watcher(&files);
    let new = ca.leaf(&[]);
    files.write("cert.pem", &new.cert);
    assert!(matches!(look(&mut watcher, &files), Look::Same));
    files.write("key.pem", &new.key);
    assert!(matches!(look(&mut watcher, &files), Look::New(_)));
}

#[test]
fn broken_files_are_complained_of_once_and_again_when_they_break_otherwise() {
    let ca = Ca::new("ca");
    let leaf = ca.leaf(&[]);
    let files = Files::new(&leaf, None);
    let mut watcher = watcher(&files);
    files.write("cert.pem", "rubbish");
    assert!(matches!(look(&mut watcher, &files), Look::Same));
    assert!(matches!(look(&mut watcher, &files), Look::Broken(_)));
    assert!(matches!(look(&mut watcher, &files), Look::Same));
    std::fs::remove_file(&files.tls.key).unwrap();
    assert!(matches!(look(&mut watcher, &files), Look::Same));
    assert!(matches!(
        look(&mut watcher, &files),
        Look::Broken(TlsFileError::Read { .. })
    ));
    files.write("cert.pem", &leaf.cert);
    files.write("key.pem", &leaf.key);
    assert!(
        matches!(look(&mut watcher, &files), Look::Same),
        "as it was"
    );
    files.write("cert.pem", "rubbish");
    assert!(matches!(look(&mut watcher, &files), Look::Same));
    assert!(
        matches!(look(&mut watcher, &files), Look::Broken(_)),
        "again"
    );
}

#[test]
fn whoever_asks_is_told_at_once() {
    let ca = Ca::new("ca");
    let files = Files::new(&ca.leaf(&[]), None);
    let mut watcher = watcher(&files);
    files.write("cert.pem", "rubbish");
    for _ in 0..2 {
        let look = watcher.look(Contents::read(&files.tls), true);
        assert!(matches!(look, Look::Broken(_)));
    }
    assert!(
        matches!(look(&mut watcher, &files), Look::Same),
        "it was told"
    );
}
