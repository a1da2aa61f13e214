use std::fs;

use super::*;

fn file(text: &str) -> (tempfile::TempDir, ConfigFile) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lookaside.toml");
    fs::write(&path, text).unwrap();
    let variables = vec![("LOOKASIDE_LISTS_PANIC".into(), "0.3".into())];
    let flags = Overrides::default();
    let loaded = load(Some(&path), variables.clone(), flags.clone()).unwrap();
    let file = ConfigFile {
        path,
        variables,
        flags,
        in_force: loaded.config,
    };
    (dir, file)
}

#[test]
fn a_configuration_says_what_a_restart_would_change() {
    let (_dir, file) = file("[lists]\nmax_slots = 100\n");
    assert_eq!(file.look().outcome, ReloadOutcome::Same);
    // The environment has the last word, as at the start.
    fs::write(&file.path, "[lists]\nmax_slots = 100\npanic = 0.9\n").unwrap();
    assert_eq!(file.look().outcome, ReloadOutcome::Same);
    fs::write(
        &file.path,
        "admin = \"127.0.0.1:1\"\n[access]\nrules = []\n[lists]\nmax_slots = 100\n",
    )
    .unwrap();
    let looked = file.look();
    assert_eq!(looked.outcome, ReloadOutcome::NeedsRestart);
    assert!(
        looked.detail.ends_with("only: admin, [access]"),
        "{looked:?}"
    );
}

#[test]
fn a_configuration_that_the_next_start_would_refuse_says_so_with_its_line() {
    let (_dir, file) = file("");
    fs::write(&file.path, "\nlisten = 7\n").unwrap();
    let looked = file.look();
    assert_eq!(looked.outcome, ReloadOutcome::Failed);
    for part in ["lookaside.toml", "listen", "stays in force"] {
        assert!(looked.detail.contains(part), "{looked:?}");
    }
    fs::remove_file(&file.path).unwrap();
    assert_eq!(file.look().outcome, ReloadOutcome::Failed);
}
