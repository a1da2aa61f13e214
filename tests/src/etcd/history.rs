//! What really happened, read from etcd itself.

use std::{collections::BTreeMap, time::Duration};

use etcd_client::{Client, GetOptions, WatchOptions};
use tokio::time::timeout;

/// How long etcd may take to tell what has happened already.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where its own marks stand, out of everybody's way.
const MARK: &str = "history/mark";

/// Every key at one time, with its value and the revision that wrote it.
pub type State = BTreeMap<Vec<u8>, (Vec<u8>, i64)>;

/// A key, and what was written to it; nothing if it was deleted.
pub type Change = (Vec<u8>, Option<Vec<u8>>);

/// All that was written between two restores.
#[derive(Clone, Debug, Default)]
pub struct Epoch {
    /// What stood before `changes`.
    pub base: State,
    /// The revision of `base`.
    pub from: i64,
    /// By revision: what changed.
    pub changes: BTreeMap<i64, Vec<Change>>,
    /// The last revision that is known.
    pub until: i64,
}

/// The true states of a store: read over a watch of its own, from an etcd that works,
/// before compactions and restores.
#[derive(Clone, Debug)]
pub struct History {
    /// One more after each restore.
    pub epochs: Vec<Epoch>,
}

impl History {
    /// Starts with what is there.
    pub async fn start(client: &mut Client) -> Self {
        let mut epoch = Epoch::default();
        let options = GetOptions::new().with_all_keys();
        let mut kv = client.kv_client().max_decoding_message_size(usize::MAX);
        let mut answer = kv.get("", Some(options)).await.expect("a list");
        epoch.from = answer.header().expect("a header").revision();
        epoch.until = epoch.from;
        for it in answer.take_kvs() {
            let revision = it.mod_revision();
            let (key, value) = it.into_key_value();
            epoch.base.insert(key, (value, revision));
        }
        Self {
            epochs: vec![epoch],
        }
    }

    /// The time since the last restore.
    pub fn now(&mut self) -> &mut Epoch {
        self.epochs.last_mut().expect("there is always one")
    }

    /// Reads what happened since it was last called; gives the newest revision.
    pub async fn catch_up(&mut self, client: &mut Client) -> i64 {
        let answer = client.put(MARK, "", None).await.expect("a put");
        let target = answer.header().expect("a header").revision();
        let epoch = self.now();
        let options = WatchOptions::new()
            .with_all_keys()
            .with_start_revision(epoch.until + 1);
        let watch = client.watch_client();
        let mut watch = watch.max_decoding_message_size(usize::MAX);
        let reading = async {
            let mut stream = watch.watch("", Some(options)).await.expect("a watch");
            while epoch.until < target {
                let response = stream.message().await.expect("a watch");
                let response = response.expect("it goes on");
                assert!(!response.canceled(), "history is gone: {response:?}");
                for event in response.events() {
                    let it = event.kv().expect("a key");
                    let value = (it.version() > 0).then(|| it.value().to_vec());
                    let revision = it.mod_revision();
                    let changes = epoch.changes.entry(revision).or_default();
                    changes.push((it.key().to_vec(), value));
                    epoch.until = revision;
                }
            }
        };
        let read = timeout(PATIENCE, Box::pin(reading)).await;
        read.expect("etcd tells its history");
        target
    }

    /// The store went back to what it was at `revision`.
    pub fn went_back_to(&mut self, revision: i64) {
        let mut epoch = self.now().clone();
        epoch.changes.split_off(&(revision + 1));
        epoch.until = revision;
        self.epochs.push(epoch);
    }

    /// The store is another one, and empty.
    pub fn began_anew(&mut self) {
        self.epochs.push(Epoch {
            from: 1,
            until: 1,
            ..Epoch::default()
        });
    }
}
