use lookaside_core::BackendId;

use super::*;

fn service(text: &str) -> ServiceName {
    ServiceName::new(text).unwrap()
}

fn drain(id: &str) -> Override {
    Override::Drain(BackendId::new(id).unwrap())
}

struct Fixture {
    table: OverrideTable,
    start: Instant,
    revision: Revision,
}

impl Fixture {
    fn new() -> Self {
        Self {
            table: OverrideTable::default(),
            start: Instant::now(),
            revision: 0,
        }
    }

    fn put(
        &mut self,
        order: Override,
        ttl: Option<u64>,
        expected: Option<Revision>,
    ) -> Result<(), OverrideError> {
        self.revision += 1;
        self.table.put(
            self.start,
            service("orders"),
            (order, OverrideNote::default()),
            ttl.map(Duration::from_secs),
            (expected, self.revision),
        )
    }

    fn after(&mut self, seconds: u64) -> bool {
        self.table.expire(self.start + Duration::from_secs(seconds))
    }
}

#[test]
fn what_is_written_replaces_only_what_was_expected() {
    let mut it = Fixture::new();
    it.put(drain("a"), None, Some(0)).unwrap();
    let error = it.put(drain("a"), None, Some(0)).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("drain of backend a of service orders"),
        "{text}"
    );
    assert!(text.contains("expected revision 0, found 1"), "{text}");
    it.put(drain("a"), None, Some(1)).unwrap();
    let target = drain("a").target();
    assert!(
        it.table
            .delete(&service("orders"), &target, Some(1))
            .is_err()
    );
    assert_eq!(
        it.table.delete(&service("orders"), &target, Some(3)),
        Ok(true)
    );
    assert_eq!(
        it.table.delete(&service("orders"), &target, Some(3)),
        Ok(false)
    );
    it.put(drain("a"), None, None).unwrap();
}

#[test]
fn an_override_ends_by_itself_and_a_newer_one_has_its_own_time() {
    let mut it = Fixture::new();
    it.put(drain("a"), Some(10), None).unwrap();
    it.put(drain("b"), Some(5), None).unwrap();
    it.put(drain("b"), Some(20), None).unwrap();
    it.put(Override::Fallback(true), None, None).unwrap();
    assert!(!it.after(9));
    assert!(it.after(10));
    let state = it.table.publish(None, 9).unwrap();
    let orders = &state.services["orders"];
    assert!(orders.fallback.is_some());
    assert_eq!(
        orders
            .backends
            .keys()
            .map(BackendId::as_str)
            .collect::<Vec<_>>(),
        ["b"]
    );
    assert!(it.after(20));
    let last = it.table.publish(Some(&state), 10).unwrap();
    assert!(last.services["orders"].backends.is_empty());
    assert_eq!(it.table.publish(Some(&last), 11), None);
    assert_eq!(it.table.next_expiry(), None);
}

#[test]
fn a_flood_and_a_silly_time_to_live_are_refused() {
    let mut it = Fixture::new();
    for n in 0..MAX_OVERRIDES {
        it.put(drain(&format!("b{n}")), None, None).unwrap();
    }
    assert_eq!(
        it.put(drain("more"), None, None),
        Err(OverrideError::Full(MAX_OVERRIDES))
    );
    it.put(drain("b1"), None, None).unwrap();
    let error = it.put(drain("b1"), Some(0), None).unwrap_err();
    assert!(error.to_string().contains("from 1s"), "{error}");
}
