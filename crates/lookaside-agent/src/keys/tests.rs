use std::{
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

use lookaside_core::Key;
use tokio::time::{Instant, sleep};

use super::*;

/// The key of sixteen times this byte, in base64.
fn text(n: u8) -> &'static str {
    [
        "AQEBAQEBAQEBAQEBAQEBAQ==\n",
        "AgICAgICAgICAgICAgICAg==\n",
        "AwMDAwMDAwMDAwMDAwMDAw==\n",
    ][usize::from(n) - 1]
}

fn ring(keys: &[u8]) -> KeyRing {
    KeyRing::new(keys.iter().map(|n| Key::new(&[*n; 16]).unwrap())).unwrap()
}

/// A file, and the rings that its follower told of.
struct Followed {
    dir: tempfile::TempDir,
    told: Arc<Mutex<Vec<KeyRing>>>,
    follower: KeyFollower,
}

impl Followed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token.key");
        fs::write(&path, text(1)).unwrap();
        let files = KeyFiles::new([KeySource::file(path)]);
        let ring = files.read().unwrap();
        let told: Arc<Mutex<Vec<_>>> = Arc::default();
        let tell = Arc::clone(&told);
        let follower = files.follow(Some(ring), move |ring| tell.lock().unwrap().push(ring));
        Self {
            dir,
            told,
            follower,
        }
    }

    fn write(&self, content: &str) {
        fs::write(self.dir.path().join("token.key"), content).unwrap();
    }

    fn told(&self) -> Vec<KeyRing> {
        self.told.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_file_is_taken_within_the_time_between_two_looks() {
    let followed = Followed::new();
    sleep(KEY_POLL).await;
    assert_eq!(followed.told(), [], "nothing new");
    followed.write(&[text(2), text(1)].concat());
    sleep(KEY_POLL + Duration::from_millis(200)).await;
    assert_eq!(followed.told(), [ring(&[2, 1])]);
    sleep(10 * KEY_POLL).await;
    assert_eq!(followed.told().len(), 1, "told once");
}

#[tokio::test(start_paused = true)]
async fn a_reload_looks_at_once() {
    let followed = Followed::new();
    sleep(Duration::from_millis(10)).await;
    followed.write(text(2));
    let began = Instant::now();
    followed.follower.reload();
    while followed.told().is_empty() {
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(followed.told(), [ring(&[2])]);
    assert!(began.elapsed() < KEY_POLL / 2, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_a_look_hears_what_came_of_it() {
    let followed = Followed::new();
    let look = async || followed.follower.reloaded().await.unwrap();
    assert_eq!(look().await, Ok(false), "nothing new");
    followed.write(text(2));
    assert_eq!(look().await, Ok(true));
    assert_eq!(followed.told(), [ring(&[2])]);
    assert_eq!(look().await, Ok(false));
    followed.write("hunter2\n");
    for _ in 0..2 {
        let error = look().await.unwrap_err().to_string();
        assert!(
            error.contains("token.key") && !error.contains("hunter2"),
            "{error}"
        );
    }
    followed.write(text(2));
    assert_eq!(look().await, Ok(false), "as they were");
    let (one, other) = tokio::join!(look(), look());
    assert_eq!((one, other), (Ok(false), Ok(false)));
}

#[tokio::test(start_paused = true)]
async fn a_broken_file_keeps_the_last_good_ring_until_it_is_good_again() {
    let followed = Followed::new();
    for broken in ["", "hunter2\n", "AQEB\n", &[text(1), text(1)].concat()] {
        followed.write(broken);
        sleep(2 * KEY_POLL).await;
        assert_eq!(followed.told(), [], "{broken}");
    }
    fs::remove_file(followed.dir.path().join("token.key")).unwrap();
    sleep(2 * KEY_POLL).await;
    followed.write(text(1));
    sleep(2 * KEY_POLL).await;
    assert_eq!(followed.told(), [], "what it was before");
    followed.write(text(3));
    sleep(2 * KEY_POLL).await;
    assert_eq!(followed.told(), [ring(&[3])]);
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_is_dropped_tells_no_more() {
    let Followed {
        dir,
        told,
        follower,
    } = Followed::new();
    sleep(KEY_POLL).await;
    drop(follower);
    fs::write(dir.path().join("token.key"), text(2)).unwrap();
    sleep(3 * KEY_POLL).await;
    assert_eq!(told.lock().unwrap().len(), 0);
}
