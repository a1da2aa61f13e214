use super::*;
use crate::topic::Content;

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
    entry.topic().publish(Content::Fallback);
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
        entry.topic().publish(Content::Fallback);
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
    entry.topic().publish(Content::Fallback);
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
