use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    task::{Wake, Waker},
};

use super::*;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

struct Stream {
    subscription: Subscription,
    woken: Arc<Count>,
    skipped: u64,
}

impl Stream {
    fn new(topic: &Arc<Topic>, phase: u16) -> Self {
        Self {
            subscription: Subscription::new(
                Arc::clone(topic),
                Arc::new(Ending::new(phase)),
                Arc::default(),
            ),
            woken: Arc::default(),
            skipped: 0,
        }
    }

    fn take(&mut self) -> Option<u64> {
        let waker = Waker::from(Arc::clone(&self.woken));
        let cx = Context::from_waker(&waker);
        let newer = self.subscription.has_newer(&cx);
        let update = self.subscription.take();
        assert_eq!(update.is_some(), newer);
        let (update, skipped) = update?;
        self.skipped += skipped;
        update.as_ref().map(|update| update.version)
    }

    fn wakes(&self) -> usize {
        self.woken.0.swap(0, SeqCst)
    }
}

#[test]
fn each_stream_gets_the_newest_update_once_and_skips_the_ones_before() {
    let topic = Arc::new(Topic::default());
    let mut waiting = Stream::new(&topic, 0);
    let mut busy = Stream::new(&topic, 0);
    assert_eq!(waiting.take(), None);
    topic.publish(Content::Fallback, Origin::default(), None);
    assert_eq!(waiting.wakes(), 1);
    assert_eq!(waiting.take(), Some(1));
    assert_eq!(waiting.take(), None);
    topic.publish(Content::Fallback, Origin::default(), None);
    topic.publish(Content::Fallback, Origin::default(), None);
    assert_eq!(waiting.take(), Some(3));
    assert_eq!(busy.take(), Some(3));
    assert_eq!(busy.wakes(), 0, "it never waited");
    assert_eq!((waiting.skipped, busy.skipped), (1, 0));
    assert!(topic.has_update());
}

#[test]
fn a_stream_that_ended_is_woken_no_more() {
    let topic = Arc::new(Topic::default());
    let mut streams: Vec<_> = (0..100).map(|_| Stream::new(&topic, 0)).collect();
    for stream in &mut streams {
        assert_eq!(stream.take(), None);
    }
    let ended = streams.pop().unwrap();
    let woken = Arc::clone(&ended.woken);
    drop(ended);
    topic.publish(Content::Fallback, Origin::default(), None);
    assert_eq!(woken.0.load(SeqCst), 0);
    assert!(streams.iter().all(|stream| stream.wakes() == 1));
}

#[test]
fn a_stream_that_moves_to_another_task_is_woken_there() {
    let topic = Arc::new(Topic::default());
    let mut stream = Stream::new(&topic, 0);
    assert_eq!(stream.take(), None);
    let before = std::mem::take(&mut stream.woken);
    assert_eq!(stream.take(), None);
    topic.publish(Content::Fallback, Origin::default(), None);
    assert_eq!(before.0.load(SeqCst), 0);
    assert_eq!(stream.wakes(), 1);
}

#[test]
fn phases_are_woken_in_turn() {
    let topic = Arc::new(Topic::default());
    let mut streams: Vec<_> = [0, 9, 10, u16::MAX]
        .map(|phase| Stream::new(&topic, phase))
        .into();
    for stream in &mut streams {
        assert_eq!(stream.take(), None);
    }
    let woken = |from, to| -> Vec<usize> {
        topic.wake_phases(from, to);
        streams.iter().map(Stream::wakes).collect()
    };
    assert_eq!(woken(0, 10), [1, 1, 0, 0]);
    assert_eq!(woken(10, 65_536), [0, 0, 1, 1]);
}

#[test]
fn successive_streams_get_successive_rotations() {
    let topic = Topic::default();
    assert_eq!([0, 1, 2], [(); 3].map(|()| topic.next_rotation()));
}

#[test]
fn a_first_fallback_replaces_nothing() {
    let topic = Arc::new(Topic::default());
    let mut stream = Stream::new(&topic, 0);
    assert!(!topic.has_update());
    topic.publish_first_fallback(Origin::default());
    assert_eq!(stream.take(), Some(1));
    topic.publish_first_fallback(Origin::default());
    assert_eq!(stream.take(), None);
    topic.publish(Content::Fallback, Origin::default(), None);
    assert_eq!(stream.take(), Some(2));
}
