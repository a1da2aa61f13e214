use super::*;

fn backend_entry(ip: &[u8], port: i32, token: &str) -> Server {
    Server {
        ip_address: ip.to_vec(),
        port,
        load_balance_token: token.to_owned(),
        drop: false,
    }
}

fn drop_entry(token: &str) -> Server {
    Server {
        load_balance_token: token.to_owned(),
        drop: true,
        ..Server::default()
    }
}

fn list(servers: impl Into<Vec<Server>>) -> List {
    List::new(&ServerList {
        servers: servers.into(),
    })
}

#[test]
fn entries_keep_their_order_repetitions_and_tokens() {
    let list = list([
        backend_entry(&[10, 0, 0, 1], 80, "a"),
        backend_entry(&[10, 0, 0, 2], 81, ""),
        backend_entry(&[10, 0, 0, 1], 80, "c"),
    ]);
    let seen: Vec<_> = list
        .backends
        .iter()
        .map(|address| {
            let token = address.token().map(|token| token.header_value().clone());
            (address.to_string(), token)
        })
        .collect();
    let token = |text: &'static str| Some(http::HeaderValue::from_static(text));
    assert_eq!(
        seen,
        [
            ("10.0.0.1:80".to_owned(), token("a")),
            ("10.0.0.2:81".to_owned(), None),
            ("10.0.0.1:80".to_owned(), token("c")),
        ]
    );
    assert_eq!(list.problems, []);
}

#[test]
fn addresses_of_both_families_are_read_and_mapped_ones_are_ipv4() {
    let mut mapped = [0; 16];
    mapped[10..].copy_from_slice(&[0xff, 0xff, 10, 0, 0, 1]);
    let mut v6 = [0; 16];
    v6[15] = 1;
    let list = list([
        backend_entry(&v6, 1, "a"),
        backend_entry(&mapped, 1, "b"),
        backend_entry(&[10, 0, 0, 1], 65_535, "c"),
    ]);
    let seen: Vec<_> = list.backends.iter().map(ToString::to_string).collect();
    assert_eq!(seen, ["[::1]:1", "10.0.0.1:1", "10.0.0.1:65535"]);
}

#[test]
fn bad_addresses_are_skipped_named_and_keep_their_place_among_the_drops() {
    let good = [10, 0, 0, 1];
    let list = list([
        drop_entry("d"),
        backend_entry(&[1, 2, 3], 1, "a"),
        backend_entry(&[], 1, "a"),
        backend_entry(&[0; 17], 1, "a"),
        backend_entry(&good, 0, "a"),
        backend_entry(&good, -1, "a"),
        backend_entry(&good, 65_536, "a"),
        backend_entry(&good, i32::MAX, "a"),
        backend_entry(&good, 1, "a"),
    ]);
    assert_eq!(list.backends.len(), 1);
    assert_eq!(list.slots.len(), 9, "the drop is one call in nine");
    let problems: Vec<_> = list.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems[..5],
        [
            "entry 1: the address has 3 bytes, expected 4 or 16; skipped",
            "entry 2: the address has 0 bytes, expected 4 or 16; skipped",
            "entry 3: the address has 17 bytes, expected 4 or 16; skipped",
            "entry 4: port 0 is not 1 to 65535; skipped",
            "entry 5: port -1 is not 1 to 65535; skipped",
        ]
    );
    assert_eq!(problems.len(), 7);
}

#[test]
fn a_token_that_cannot_be_sent_costs_its_header_not_the_backend() {
    let longest = "x".repeat(49);
    let too_long = "x".repeat(50);
    let list = list([
        backend_entry(&[10, 0, 0, 1], 1, &longest),
        backend_entry(&[10, 0, 0, 2], 1, &too_long),
        backend_entry(&[10, 0, 0, 3], 1, "line\nbreak"),
    ]);
    let with_token: Vec<_> = list
        .backends
        .iter()
        .map(|address| address.token().is_some())
        .collect();
    assert_eq!(with_token, [true, false, false]);
    assert_eq!(list.problems.len(), 2);
}

#[test]
fn a_streams_variant_is_no_part_of_the_category_and_only_the_first_entry_has_one() {
    let list = list([drop_entry("overload.x1Z"), drop_entry("rate.abc")]);
    let categories: Vec<_> = list
        .slots
        .iter()
        .map(|slot| match slot {
            Slot::Drop(drop) => (&*drop.category, drop.token.unwrap().to_string()),
            Slot::Pass => panic!("not a drop"),
        })
        .collect();
    assert_eq!(
        categories,
        [
            ("overload", "overload.x1Z".to_owned()),
            ("rate.abc", "rate.abc".to_owned())
        ]
    );
}

#[test]
fn empty_lists_drop_lists_and_lists_of_bad_entries_are_told_apart() {
    let empty = list([]);
    assert!(empty.is_empty() && !empty.is_only_drops() && empty.backends().is_none());
    let drops = list([drop_entry("a"), drop_entry("b")]);
    assert!(!drops.is_empty() && drops.is_only_drops() && drops.backends().is_none());
    let bad = list([drop_entry("a"), backend_entry(&[1], 1, "")]);
    assert!(!bad.is_empty() && !bad.is_only_drops());
    assert_eq!(bad.backends().unwrap().len(), 0);
}
