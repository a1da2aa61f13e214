use http::HeaderMap;
use lookaside_proto::lb::{Server, ServerList};

use super::*;
use crate::{
    Address, Pick, Subchannel,
    policy::{FailingPicker, QueuingPicker},
};

/// Always the same subchannel; counts.
struct One(Subchannel, AtomicUsize);

impl Picker for One {
    fn pick<'p>(&'p self, _: &PickArgs<'_>) -> PickResult<'p> {
        self.1.fetch_add(1, Relaxed);
        PickResult::Pick(Pick::new(&self.0))
    }
}

/// `d` is a drop, anything else a backend.
fn list(pattern: &str) -> List {
    let entry = |kind: char| Server {
        ip_address: vec![10, 0, 0, 1],
        port: 1,
        load_balance_token: kind.to_string(),
        drop: kind == 'd',
    };
    List::new(&ServerList {
        servers: pattern.chars().map(entry).collect(),
    })
}

fn one() -> Arc<One> {
    let address = Address::new(([10, 0, 0, 1], 1).into());
    Arc::new(One(Subchannel::detached(0, &address), AtomicUsize::new(0)))
}

fn picker(pattern: &str, child: Option<Arc<dyn Picker>>, stats: &Arc<Stats>) -> ListPicker {
    ListPicker {
        drops: Drops::new(&list(pattern), 0, stats),
        ready: true,
        child,
        tracker: Arc::clone(stats) as Arc<dyn CallTracker>,
    }
}

fn pick(picker: &ListPicker, admitted: bool) -> char {
    let headers = HeaderMap::new();
    let mut args = PickArgs::new("/a.B/C", &headers);
    args.admitted = admitted;
    match picker.pick(&args) {
        PickResult::Pick(pick) => {
            assert!(!pick.counters.is_empty());
            'p'
        }
        PickResult::Queue => 'q',
        PickResult::Fail(_) => 'f',
        PickResult::Drop(_) => 'd',
    }
}

#[test]
fn drops_follow_the_list_and_the_child_has_no_turn_for_them() {
    let (child, stats) = (one(), Arc::default());
    let picker = picker("dbbdb", Some(child.clone()), &stats);
    let picks: String = (0..10).map(|_| pick(&picker, false)).collect();
    assert_eq!(picks, "dppdpdppdp");
    assert_eq!(child.1.load(Relaxed), 6);
    let report = stats.take();
    assert_eq!((report.started, report.finished), (4, 4));
    assert_eq!(report.drops, [("d".to_owned(), 4)]);
}

#[test]
fn calls_that_the_child_queues_or_fails_are_not_dropped() {
    let stats = Arc::default();
    let error = PickError::new("down");
    let children: [(Arc<dyn Picker>, _); 2] = [
        (Arc::new(QueuingPicker), 'q'),
        (Arc::new(FailingPicker(error)), 'f'),
    ];
    for (child, expected) in children {
        let picker = ListPicker {
            ready: false,
            ..picker("dd", Some(child), &stats)
        };
        // "dd" would be a list of only drops; what counts here is the child.
        assert_eq!(pick(&picker, false), expected);
    }
    assert!(stats.take().is_zero());
}

#[test]
fn a_list_of_drops_alone_drops_everything() {
    let stats = Arc::default();
    let picker = picker("d", None, &stats);
    assert_eq!(pick(&picker, false), 'd');
    assert_eq!(stats.take().started, 1);
}

#[test]
fn an_admitted_call_is_not_dropped_any_more() {
    let stats = Arc::default();
    let picker = picker("ddb", Some(one()), &stats);
    for _ in 0..6 {
        assert_eq!(pick(&picker, true), 'p');
    }
    assert!(stats.take().is_zero());
    assert_eq!(pick(&picker, false), 'd', "and takes no turn of the drops");
}

#[test]
fn a_drop_without_a_usable_token_still_is_a_dropped_call() {
    let stats = Arc::default();
    let servers = vec![Server {
        drop: true,
        ..Server::default()
    }];
    let list = List::new(&ServerList { servers });
    let picker = ListPicker {
        drops: Drops::new(&list, 0, &stats),
        child: None,
        ready: true,
        tracker: Arc::clone(&stats) as Arc<dyn CallTracker>,
    };
    assert_eq!(pick(&picker, false), 'd');
    let report = stats.take();
    assert_eq!((report.started, report.finished), (1, 1));
    assert_eq!(report.finished_with_client_failed_to_send, 0);
    assert_eq!(report.drops, []);
}
