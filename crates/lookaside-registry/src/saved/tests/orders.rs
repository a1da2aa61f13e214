use lookaside_core::{BackendId, Override, OverrideNote, Revision};

use super::*;
use crate::{OverrideError, Unsaved};

fn service() -> ServiceName {
    ServiceName::new("orders").unwrap()
}

fn drain(id: &str) -> Override {
    Override::Drain(BackendId::new(id).unwrap())
}

async fn opened(dir: &Path) -> SavedRegistry {
    let memory = MemoryRegistry::new(MemoryLimits::default());
    let restored = SavedRegistry::restore(store(dir).await, memory).await;
    restored.unwrap()
}

async fn put(
    writer: &Arc<dyn OverrideWriter>,
    order: &Override,
    expected: Option<Revision>,
) -> Result<Revision, OverrideError> {
    let note = OverrideNote::default();
    writer.put(&service(), order, &note, None, expected).await
}

#[tokio::test]
async fn an_order_is_on_the_disk_when_it_is_said_to_be_saved_however_soon_after_the_last() {
    let temp = tempfile::tempdir().unwrap();
    let registry = opened(temp.path()).await;
    let writer = registry.override_writer().unwrap();
    for id in ["a", "b", "c"] {
        put(&writer, &drain(id), None).await.unwrap();
        assert_eq!(writer.saved().await, Ok(()));
        let file = std::fs::read(temp.path().join("registry.state")).unwrap();
        let saved = decode(&file).unwrap().contents.overrides;
        let backends = &saved.services["orders"].backends;
        assert!(backends.contains_key(id), "{id}: {backends:?}");
    }
    let target = drain("a").target();
    assert_eq!(writer.delete(&service(), &target, None).await, Ok(true));
    assert_eq!(writer.saved().await, Ok(()));
    drop((registry, writer));
    let again = opened(temp.path()).await;
    let state = Arc::clone(&again.subscribe().borrow());
    let kept = &state.overrides.as_ref().unwrap().services["orders"].backends;
    let ids: Vec<_> = kept.keys().map(BackendId::as_str).collect();
    assert_eq!(ids, ["b", "c"]);
}

#[tokio::test]
async fn orders_given_at_once_are_all_told_when_they_are_saved() {
    let temp = tempfile::tempdir().unwrap();
    let registry = opened(temp.path()).await;
    let writer = registry.override_writer().unwrap();
    let mut orders = tokio::task::JoinSet::new();
    for n in 0..20 {
        let writer = Arc::clone(&writer);
        orders.spawn(async move {
            put(&writer, &drain(&format!("b{n}")), None).await.unwrap();
            writer.saved().await
        });
    }
    for saved in orders.join_all().await {
        assert_eq!(saved, Ok(()));
    }
}

#[tokio::test]
async fn revisions_go_on_after_a_restart_so_that_what_was_looked_at_before_can_be_replaced() {
    let temp = tempfile::tempdir().unwrap();
    let registry = opened(temp.path()).await;
    let writer = registry.override_writer().unwrap();
    let first = put(&writer, &drain("a"), Some(0)).await.unwrap();
    let ended = put(&writer, &drain("b"), Some(0)).await.unwrap();
    let target = drain("b").target();
    let deleted = writer.delete(&service(), &target, Some(ended)).await;
    assert_eq!(deleted, Ok(true));
    writer.saved().await.unwrap();
    drop((registry, writer));

    let registry = opened(temp.path()).await;
    let writer = registry.override_writer().unwrap();
    let conflict = put(&writer, &drain("a"), Some(0)).await.unwrap_err();
    assert!(
        matches!(conflict, OverrideError::Conflict { found, .. } if found == first),
        "{conflict}"
    );
    let again = put(&writer, &drain("b"), Some(0)).await.unwrap();
    assert!(
        again > ended,
        "{again} is no revision that was given before"
    );
    let replaced = put(&writer, &drain("a"), Some(first)).await.unwrap();
    assert!(replaced > again);
}

#[tokio::test]
async fn an_order_that_the_disk_does_not_take_stands_and_says_so() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("no-directory");
    std::fs::write(&file, "").unwrap();
    let registry = opened(&file).await;
    let writer = registry.override_writer().unwrap();
    put(&writer, &drain("a"), None).await.unwrap();
    let Err(Unsaved::NotYet(reason)) = writer.saved().await else {
        panic!("a file is no directory");
    };
    assert!(reason.contains("no-directory"), "{reason}");
    let state = Arc::clone(&registry.subscribe().borrow());
    assert!(
        state
            .overrides
            .as_ref()
            .unwrap()
            .services
            .contains_key("orders")
    );
}

#[tokio::test]
async fn without_a_directory_an_order_is_said_to_be_forgotten_by_a_restart() {
    let memory = MemoryRegistry::new(MemoryLimits::default());
    let writer = memory.override_writer().unwrap();
    put(&writer, &drain("a"), None).await.unwrap();
    assert_eq!(writer.saved().await, Err(Unsaved::MemoryOnly));
}

#[tokio::test]
async fn an_order_beside_a_registry_file_is_saved_too() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("registry.toml");
    std::fs::write(&path, "[[services]]\nname = 'orders'\n").unwrap();
    let state = temp.path().join("state");
    let file = Arc::new(crate::FileRegistry::new(&path, Duration::from_millis(20)));
    let mut states = file.subscribe();
    states.wait_for(|it| it.is_complete()).await.unwrap();
    let registry = SavedRegistry::follow(store(&state).await, file, GRACE);
    let writer = registry.override_writer().unwrap();
    for id in ["a", "b"] {
        put(&writer, &drain(id), None).await.unwrap();
        assert_eq!(writer.saved().await, Ok(()));
        let saved = std::fs::read(state.join("registry.state")).unwrap();
        let saved = decode(&saved).unwrap().contents.overrides;
        assert!(saved.services["orders"].backends.contains_key(id));
    }
}
