use std::fs;

use tokio::time::timeout;

use super::*;
use crate::ResolverController;

struct World {
    folder: tempfile::TempDir,
    resolver: Box<dyn Resolver>,
    work: WorkScheduler,
}

struct Sink(Option<ResolverUpdate>);

impl ResolverController for Sink {
    fn now(&self) -> std::time::Instant {
        std::time::Instant::now()
    }

    fn update(&mut self, update: ResolverUpdate) {
        self.0 = Some(update);
    }
}

impl World {
    fn new(content: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.txt");
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        let work = WorkScheduler::default();
        let resolver = FileBuilder { path }.build(work.clone());
        Self {
            folder,
            resolver,
            work,
        }
    }

    /// As editors and deployments do it: written beside, and renamed.
    fn replace(&self, content: &str) {
        let beside = self.folder.path().join("new");
        fs::write(&beside, content).unwrap();
        fs::rename(beside, self.folder.path().join("shop.txt")).unwrap();
    }

    /// The next update: its addresses, or its error without the folder's name.
    async fn next(&mut self) -> Result<Vec<String>, String> {
        let limit = Duration::from_secs(60);
        let update = timeout(limit, async {
            loop {
                self.work.scheduled().await;
                let mut sink = Sink(None);
                self.resolver.work(&mut sink);
                if let Some(update) = sink.0 {
                    return update;
                }
            }
        });
        let update = update.await.expect("an update");
        assert_eq!(update.balancers, Ok(Arc::default()));
        let folder = format!("{}/", self.folder.path().display());
        match update.addresses {
            Ok(found) => Ok(found.iter().map(ToString::to_string).collect()),
            Err(error) => Err(error.to_string().replace(&folder, "")),
        }
    }
}

#[tokio::test]
async fn a_file_is_read_again_when_it_changes() {
    let mut world = World::new(Some("10.0.0.1:1\n"));
    assert_eq!(world.next().await.unwrap(), ["10.0.0.1:1"]);
    world.replace("10.0.0.2:1\n10.0.0.1:1\n");
    assert_eq!(world.next().await.unwrap(), ["10.0.0.2:1", "10.0.0.1:1"]);
    // Its length and its time need not change.
    world.replace("10.0.0.3:1\n10.0.0.1:1\n");
    assert_eq!(world.next().await.unwrap(), ["10.0.0.3:1", "10.0.0.1:1"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_told_and_over_when_it_is_well_again() {
    let mut world = World::new(None);
    let error = world.next().await.unwrap_err();
    assert!(error.starts_with("file shop.txt: No such file"), "{error}");
    world.replace("10.0.0.1\n");
    let error = world.next().await.unwrap_err();
    assert!(
        error.starts_with("file shop.txt: line 1: address \"10.0.0.1\""),
        "{error}"
    );
    world.replace("# nobody\n");
    let error = world.next().await.unwrap_err();
    assert_eq!(error, "file shop.txt: there is no address in it");
    world.replace(&"#".repeat(2 << 20));
    let error = world.next().await.unwrap_err();
    assert_eq!(error, "file shop.txt: it has more than 1048576 bytes");
    world.replace("10.0.0.1:1");
    assert_eq!(world.next().await.unwrap(), ["10.0.0.1:1"]);
}
