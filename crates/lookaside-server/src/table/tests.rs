use super::*;
use crate::topic::{Content, Origin};

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).unwrap()
}

#[test]
fn a_service_is_known_from_its_first_update_on() {
    let table = Arc::new(Table::new());
    let wanted = [name("orders:443"), name("orders")];
    assert!(table.open(&wanted).is_none());
    let entry = table.register(&wanted[1]);
    assert!(
        table.open(&wanted).is_none(),
        "there is nothing to tell yet"
    );
    entry
        .topic()
        .publish(Content::Fallback, Origin::default(), None);
    let stream = table.open(&wanted).unwrap();
    assert_eq!(stream.service().name().as_str(), "orders");
    assert_eq!(entry.streams(), 1);
    drop(stream);
    assert_eq!(entry.streams(), 0);
}

#[test]
fn the_likelier_name_wins() {
    let table = Arc::new(Table::new());
    for text in ["orders:443", "orders"] {
        let entry = table.register(&name(text));
        entry
            .topic()
            .publish(Content::Fallback, Origin::default(), None);
    }
    let stream = table.open(&[name("orders:443"), name("orders")]).unwrap();
    assert_eq!(stream.service().name().as_str(), "orders:443");
}

#[test]
fn names_that_nobody_registered_leave_nothing_behind() {
    let table = Arc::new(Table::new());
    for i in 0..1000 {
        let one = table.open_unknown(&name(&format!("made-up-{i}")));
        let other = table.open_unknown(&name(&format!("made-up-{i}")));
        assert_eq!(table.all().len(), 1);
        drop(one);
        assert_eq!(table.all().len(), 1);
        drop(other);
    }
    assert!(table.all().is_empty());
}

#[test]
fn a_million_made_up_names_leave_no_more_than_those_of_one_moment() {
    const AT_ONCE: usize = 1000;
    let table = Arc::new(Table::new());
    let mut open = std::collections::VecDeque::with_capacity(AT_ONCE);
    for i in 0..1_000_000 {
        if open.len() == AT_ONCE {
            open.pop_front();
        }
        open.push_back(table.open_unknown(&name(&format!("made-up-{i}"))));
    }
    assert_eq!(table.len(), AT_ONCE);
    drop(open);
    assert_eq!(table.len(), 0);
    let room = table.services.capacity();
    assert!(room < 10 * AT_ONCE, "room for {room}");
}

#[test]
fn a_stream_for_an_unknown_service_is_there_when_it_is_registered() {
    let table = Arc::new(Table::new());
    let stream = table.open_unknown(&name("orders"));
    assert!(stream.service().topic().has_update());
    let entry = table.register(&name("orders"));
    assert!(std::ptr::eq(stream.service(), &*entry));
    drop(stream);
    assert_eq!(table.all().len(), 1, "the registry has it");
}

#[test]
fn a_service_with_a_stream_stays() {
    let table = Arc::new(Table::new());
    let entry = table.register(&name("orders"));
    entry
        .topic()
        .publish(Content::Fallback, Origin::default(), None);
    let stream = table.open(&[name("orders")]).unwrap();
    assert!(!table.remove_idle(&name("orders")));
    drop(stream);
    assert!(table.remove_idle(&name("orders")));
    assert!(table.all().is_empty());
}

#[test]
fn appearances_are_seen() {
    let table = Table::new();
    let mut seen = table.appearances();
    assert!(!seen.has_changed().unwrap());
    table.announce();
    assert!(seen.has_changed().unwrap());
    seen.mark_unchanged();
}

fn record(stream: &OpenStream) -> Arc<StreamRecord> {
    let connection = crate::listener::Connection::local();
    Arc::new(StreamRecord::new(stream.new_id(), connection, None, 0))
}

fn open_streams(entry: &Entry) -> Vec<u64> {
    let (mut all, mut last) = (Vec::new(), StreamId::default());
    loop {
        let batch = entry.open_streams().next(last);
        let Some(newest) = batch.last() else {
            return all;
        };
        last = newest.id();
        all.extend(batch.iter().map(|record| record.id().0));
    }
}

#[test]
fn open_streams_are_listed_in_the_order_in_which_they_were_opened() {
    const MANY: u64 = 1000;
    let table = Arc::new(Table::new());
    let open = || {
        let mut stream = table.open_unknown(&name("orders"));
        stream.list(&record(&stream));
        stream
    };
    let mut streams: Vec<_> = (0..MANY).map(|_| open()).collect();
    let entry = table.get(&name("orders")).unwrap();
    assert_eq!(open_streams(&entry), (1..=MANY).collect::<Vec<_>>());
    drop(streams.drain(1..));
    assert_eq!(open_streams(&entry), [1]);
    drop(streams);
    assert_eq!(open_streams(&entry), [0; 0]);
}

#[test]
fn a_stream_that_goes_on_with_its_service_stays_listed_once() {
    let table = Arc::new(Table::new());
    let mut stream = table.open_unknown(&name("orders"));
    let record = record(&stream);
    stream.list(&record);
    record.note_push(1, Origin::default(), None);
    let entry = table.register(&name("orders"));
    let again = table.open_unknown(&name("orders"));
    stream.become_other(again, &record);
    assert_eq!((entry.streams(), &*open_streams(&entry)), (1, &[1][..]));
    assert_eq!(record.sent().map(|sent| sent.update), Some(1));
    drop(stream);
    assert_eq!((entry.streams(), &*open_streams(&entry)), (0, &[][..]));
}

#[test]
fn a_stream_that_moves_is_listed_where_it_went_and_has_nothing_of_it_yet() {
    let table = Arc::new(Table::new());
    let mut stream = table.open_unknown(&name("orders"));
    let before = table.get(&name("orders")).unwrap();
    let record = record(&stream);
    stream.list(&record);
    record.note_push(9, Origin::default(), Some(3));
    let after = table.register(&name("orders:443"));
    after
        .topic()
        .publish(Content::Fallback, Origin::default(), None);
    stream.become_other(table.open(&[name("orders:443")]).unwrap(), &record);
    assert_eq!(open_streams(&before), [0; 0]);
    assert_eq!(open_streams(&after), [1]);
    let sent = record.sent().unwrap();
    assert_eq!((sent.update, sent.rotation), (0, Some(3)));
    assert!(table.get(&name("orders")).is_none(), "nobody asks for it");
}
