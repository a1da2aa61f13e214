use std::time::Duration;

use lookaside_core::ServiceName;

use super::*;
use crate::{
    listener::Connection,
    table::{Entry, OpenStream, StreamRecord, Table},
};

struct World {
    table: Arc<Table>,
    entry: Arc<Entry>,
    open: Vec<(OpenStream, Arc<StreamRecord>)>,
}

impl World {
    fn new(streams: usize) -> Self {
        let table = Arc::new(Table::new());
        let orders = ServiceName::new("orders").unwrap();
        let entry = table.register(&orders);
        let mut world = Self {
            table,
            entry,
            open: Vec::new(),
        };
        world.open(streams);
        world
    }

    fn open(&mut self, streams: usize) {
        for _ in 0..streams {
            let mut stream = self.table.open_unknown(self.entry.name());
            let id = stream.new_id();
            let record = Arc::new(StreamRecord::new(id, Connection::local(), None, 0));
            stream.list(&record);
            self.open.push((stream, record));
        }
    }

    async fn chosen(&self) -> Chosen {
        let mut rng = fastrand::Rng::with_seed(1);
        Chosen::new(vec![Arc::clone(&self.entry)], |_| true, &mut rng).await
    }

    fn ended(&self) -> usize {
        let ended = self.open.iter().filter(|(_, it)| it.ending().is_ordered());
        ended.count()
    }
}

fn progress(chosen: &Chosen) -> watch::Sender<Progress> {
    watch::Sender::new(Progress {
        total: chosen.len(),
        ..Progress::default()
    })
}

#[tokio::test(start_paused = true)]
async fn streams_end_at_the_rate_and_those_that_open_later_stay() {
    let mut world = World::new(1000);
    let chosen = world.chosen().await;
    assert_eq!(chosen.len(), 1000);
    world.open(50);
    let all = Arc::new(EndStreams::default());
    let turn = all.begin("alice", false).unwrap();
    let progress = progress(&chosen);
    let begun = Instant::now();
    let rng = fastrand::Rng::with_seed(2);
    assert_eq!(turn.end(chosen, 100, &progress, rng).await, Ok(()));
    let took = begun.elapsed();
    let expected = Duration::from_millis(9_500)..Duration::from_millis(10_700);
    assert!(expected.contains(&took), "{took:?}");
    assert_eq!(world.ended(), 1000);
    let told = *progress.borrow();
    assert_eq!((told.ended, told.gone), (1000, 0));
    // The turn is given back.
    all.begin("bob", false).unwrap();
}

#[tokio::test(start_paused = true)]
async fn streams_that_close_by_themselves_take_no_time_of_the_others() {
    let mut world = World::new(1000);
    let chosen = world.chosen().await;
    world.open.truncate(10);
    let all = Arc::new(EndStreams::default());
    let progress = progress(&chosen);
    let begun = Instant::now();
    let turn = all.begin("alice", false).unwrap();
    let rng = fastrand::Rng::with_seed(3);
    assert_eq!(turn.end(chosen, 10, &progress, rng).await, Ok(()));
    assert!(begun.elapsed() < Duration::from_millis(1_500));
    let told = *progress.borrow();
    assert_eq!((told.total, told.ended, told.gone), (1000, 10, 990));
}

#[tokio::test(start_paused = true)]
async fn there_is_one_order_at_a_time_and_another_takes_its_place_only_when_it_says_so() {
    let world = World::new(100);
    let all = Arc::new(EndStreams::default());
    let (first, second) = (world.chosen().await, world.chosen().await);
    let turn = all.begin("alice", false).unwrap();
    let busy = all.begin("bob", false).unwrap_err().to_string();
    assert!(busy.contains("alice"), "{busy}");
    let (told, told_second) = (progress(&first), progress(&second));
    let rng = || fastrand::Rng::with_seed(4);
    let replacing = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let turn = all.begin("bob", true).unwrap();
        turn.end(second, 1000, &told_second, rng()).await
    };
    let (one, other) = tokio::join!(turn.end(first, 10, &told, rng()), replacing);
    assert_eq!((one, other), (Err(Replaced), Ok(())));
    let (one, other) = (*told.borrow(), *told_second.borrow());
    assert!((20..=40).contains(&one.ended), "{one:?}");
    assert_eq!(other.ended + other.gone, 100);
    assert_eq!(one.ended, other.gone, "what was ended is not ended twice");
    assert_eq!(world.ended(), 100);
    all.begin("carol", false).unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_dropped_ends_no_more_streams() {
    let world = World::new(100);
    let chosen = world.chosen().await;
    let all = Arc::new(EndStreams::default());
    let turn = all.begin("alice", false).unwrap();
    let progress = progress(&chosen);
    let ending = turn.end(chosen, 10, &progress, fastrand::Rng::with_seed(5));
    let stopped = tokio::time::timeout(Duration::from_secs(2), ending).await;
    assert!(stopped.is_err());
    let ended = world.ended();
    assert!((10..=30).contains(&ended), "{ended}");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.ended(), ended);
    all.begin("bob", false).unwrap();
}
