use std::fs;

use super::*;
use crate::Freshness;

fn services(state: &RegistryState) -> Vec<String> {
    let backends = state.backends.as_ref().unwrap();
    backends.services.keys().map(ToString::to_string).collect()
}

/// The clock is virtual, and stands still while the file is read.
async fn next(state: &mut watch::Receiver<Arc<RegistryState>>) -> Arc<RegistryState> {
    let changed = tokio::time::timeout(Duration::from_secs(10), state.changed());
    changed.await.expect("no change in 10 s").unwrap();
    state.borrow_and_update().clone()
}

#[tokio::test(start_paused = true)]
async fn a_file_is_waited_for_and_followed_through_edits_good_and_bad() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("reg.toml");
    let registry = FileRegistry::new(&path, DEFAULT_POLL);
    assert!(registry.registrar().is_none());
    assert_eq!(registry.url(), format!("file:{}", path.display()));
    let mut states = registry.subscribe();

    let state = next(&mut states).await;
    let Freshness::Connecting { error, .. } = &state.freshness else {
        panic!("{state:?}");
    };
    let error = error.clone().unwrap();
    assert!(error.contains("reg.toml") && error.contains("No such file"));

    fs::write(&path, "[[services]]\nname='orders'").unwrap();
    let state = next(&mut states).await;
    assert!(state.is_complete());
    assert_eq!(services(&state), ["orders"]);

    fs::write(&path, "[[services]]\nname='orders'\nnmae='x'").unwrap();
    let state = next(&mut states).await;
    let Freshness::Stale { error, .. } = &state.freshness else {
        panic!("{state:?}");
    };
    assert!(error.contains("reg.toml:3:1: services[0].nmae"), "{error}");
    assert_eq!(services(&state), ["orders"]);

    fs::write(&path, "[[services]]\nname='carts'").unwrap();
    let state = next(&mut states).await;
    assert!(matches!(state.freshness, Freshness::Synced { .. }));
    assert_eq!(services(&state), ["carts"]);
}

#[tokio::test(start_paused = true)]
async fn a_swapped_symbolic_link_is_an_edit() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("one"), "[[services]]\nname='a'").unwrap();
    fs::write(path("two"), "[[services]]\nname='b'").unwrap();
    std::os::unix::fs::symlink(path("one"), path("link")).unwrap();
    let registry = FileRegistry::new(path("link"), DEFAULT_POLL);
    let mut states = registry.subscribe();
    assert_eq!(services(&*next(&mut states).await), ["a"]);

    std::os::unix::fs::symlink(path("two"), path("new")).unwrap();
    fs::rename(path("new"), path("link")).unwrap();
    assert_eq!(services(&*next(&mut states).await), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_file_or_too_long_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(read::read(directory.path()), Err(FileError::NoFile));
    let path = directory.path().join("long");
    let file = fs::File::create(&path).unwrap();
    file.set_len(MAX_FILE_BYTES).unwrap();
    assert!(read::read(&path).is_ok());
    file.set_len(MAX_FILE_BYTES + 1).unwrap();
    assert_eq!(read::read(&path), Err(FileError::TooLong));
}

#[tokio::test(start_paused = true)]
async fn following_ends_with_the_registry() {
    let registry = FileRegistry::new("/nonexistent", DEFAULT_POLL);
    let mut states = registry.subscribe();
    drop(registry);
    while states.changed().await.is_ok() {}
}

#[tokio::test(start_paused = true)]
async fn overrides_are_kept_beside_the_file_and_end_by_themselves() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("reg.toml");
    fs::write(&path, "[[services]]\nname='orders'").unwrap();
    let registry = FileRegistry::new(&path, DEFAULT_POLL);
    let mut states = registry.subscribe();
    next(&mut states).await;
    let writer = registry.override_writer().unwrap();
    let orders = lookaside_core::ServiceName::new("orders").unwrap();
    let order = lookaside_core::Override::Fallback(true);
    let note = lookaside_core::OverrideNote::default();
    let ttl = Some(Duration::from_secs(5));
    writer
        .put(&orders, &order, &note, ttl, Some(0))
        .await
        .unwrap();
    let state = next(&mut states).await;
    assert!(
        state.overrides.as_ref().unwrap().services["orders"]
            .fallback
            .is_some()
    );
    assert_eq!(services(&state), ["orders"]);
    let error = writer.put(&orders, &order, &note, ttl, Some(0)).await;
    assert!(matches!(
        error,
        Err(crate::OverrideError::Conflict { found: 1, .. })
    ));
    let state = next(&mut states).await;
    assert!(state.overrides.as_ref().unwrap().services.is_empty());
}

#[tokio::test(start_paused = true)]
async fn overrides_are_there_whatever_is_the_matter_with_the_file() {
    let registry = FileRegistry::new("/nonexistent", DEFAULT_POLL);
    let mut states = registry.subscribe();
    next(&mut states).await;
    let writer = registry.override_writer().unwrap();
    let orders = lookaside_core::ServiceName::new("orders").unwrap();
    let order = lookaside_core::Override::Fallback(true);
    let note = lookaside_core::OverrideNote::default();
    writer
        .put(&orders, &order, &note, None, None)
        .await
        .unwrap();
    let state = next(&mut states).await;
    assert!(
        state
            .overrides
            .as_ref()
            .unwrap()
            .services
            .contains_key("orders")
    );
    assert!(state.backends.is_none());
}
