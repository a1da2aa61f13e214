use std::sync::{Arc, Weak};

use crate::table::{Entry, StreamId, StreamRecord};

/// Streams that are to be ended, in the order in which they will be.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    services: Vec<Arc<Entry>>,
    /// By service. A stream that closes meanwhile leaves nothing behind.
    streams: Vec<(usize, Weak<StreamRecord>)>,
}

impl Chosen {
    /// The streams that are open now, and are meant. Those that open later are not: they may
    /// well be the same clients.
    pub(crate) async fn new(
        services: Vec<Arc<Entry>>,
        is_meant: impl Fn(&StreamRecord) -> bool,
        rng: &mut fastrand::Rng,
    ) -> Self {
        let mut streams = Vec::new();
        for (index, entry) in services.iter().enumerate() {
            let mut last = StreamId::default();
            loop {
                let batch = entry.open_streams().next(last);
                let Some(newest) = batch.last() else { break };
                last = newest.id();
                let meant = batch.iter().filter(|record| is_meant(record));
                streams.extend(meant.map(|record| (index, Arc::downgrade(record))));
                // There may be 50,000: others have things to do as well.
                tokio::task::yield_now().await;
            }
        }
        // Streams of one client, of one connection too, were often opened together.
        rng.shuffle(&mut streams);
        Self { services, streams }
    }

    pub(crate) fn len(&self) -> usize {
        self.streams.len()
    }

    /// Ends the next `n`; says how many were still open, and how many had closed by
    /// themselves on the way to them.
    pub(super) fn end(&mut self, n: usize) -> (usize, usize) {
        let (mut ended, mut gone) = (0, 0);
        let mut concerned = Vec::new();
        while ended < n
            && let Some((service, stream)) = self.streams.pop()
        {
            match stream.upgrade() {
                Some(stream) if stream.ending().order() => {
                    ended += 1;
                    concerned.push(service);
                }
                // Another order has just ended it, or it has ended.
                _ => gone += 1,
            }
        }
        concerned.sort_unstable();
        concerned.dedup();
        for service in concerned {
            self.services[service].topic().wake_ordered();
        }
        (ended, gone)
    }
}
