use std::{net::SocketAddr, sync::Arc};

use lookaside_core::{
    Backend, BackendId, BackendState, Drop, Drops, Limits, List, Plan, ServiceInput, ServiceName,
    Settings, TokenIssuer, Variant, plan, rotation, strip_variant,
};
use lookaside_proto::lb::Server;

use super::*;

fn list(addresses: &[&str], drops: &[(&str, u32)]) -> List {
    let backends: Vec<_> = addresses
        .iter()
        .enumerate()
        .map(|(i, address)| {
            let addr: SocketAddr = address.parse().unwrap();
            let backend = Backend {
                id: BackendId::new(&format!("b{i}")).unwrap(),
                address: addr.into(),
                weight: i as u32 + 1,
                zone: None,
                state: BackendState::Serving,
                key: "k".into(),
                revision: 1,
            };
            (Arc::new(backend), Arc::from([addr]))
        })
        .collect();
    let mut settings = Settings::default();
    settings.drops = Drops::new(drops.iter().map(|&(category, per_million)| Drop {
        category: category.into(),
        per_million,
    }))
    .unwrap();
    let input = ServiceInput {
        name: &ServiceName::new("orders").unwrap(),
        backends: &backends,
        settings: &settings,
        health: None,
    };
    match plan(&input, &TokenIssuer::default(), &Limits::new(slot_bytes)) {
        Plan::List(list) => list,
        Plan::Fallback(reason) => panic!("{reason}"),
    }
}

fn pushed(list: &EncodedList, rotation: usize, variant: Variant) -> Vec<Server> {
    let mut message = BytesMut::new();
    let rest = list.push(rotation, variant, &mut message);
    assert!(message.len() <= MAX_HEAD_BYTES, "{}", message.len());
    message.extend_from_slice(&rest);
    let (prefix, message) = message.split_at(PREFIX_BYTES);
    assert_eq!(prefix[0], 0);
    assert_eq!(prefix[1..], (message.len() as u32).to_be_bytes());
    let response = LoadBalanceResponse::decode(message).unwrap();
    // What the generated code would have written, byte for byte.
    assert_eq!(response.encode_to_vec(), message);
    match response.load_balance_response_type {
        Some(Kind::ServerList(list)) => list.servers,
        other => panic!("{other:?}"),
    }
}

fn expected(list: &List) -> Vec<Server> {
    let server = |slot| match list.slot(slot) {
        lookaside_core::SlotRef::Endpoint(endpoint) => Server {
            ip_address: match endpoint.addr.ip() {
                std::net::IpAddr::V4(ip) => ip.octets().to_vec(),
                std::net::IpAddr::V6(ip) => ip.octets().to_vec(),
            },
            port: endpoint.addr.port().into(),
            load_balance_token: endpoint.token.to_string(),
            drop: false,
        },
        lookaside_core::SlotRef::Drop(drop) => Server {
            load_balance_token: drop.category.to_string(),
            drop: true,
            ..Server::default()
        },
    };
    list.slots().iter().map(|&slot| server(slot)).collect()
}

const ADDRESSES: [&str; 4] = [
    "10.0.0.1:50051",
    "[2001:db8::1]:65535",
    "[::ffff:10.0.0.3]:127",
    "10.0.0.4:128",
];

#[test]
fn every_rotation_of_the_list_decodes_to_the_plan() {
    for (addresses, drops) in [
        (&ADDRESSES[..], &[("overload", 100_000)][..]),
        (&ADDRESSES, &[]),
        (&ADDRESSES[..1], &[]),
        (&ADDRESSES[..1], &[(&*"x".repeat(40), 1_000_000)]),
    ] {
        let list = list(addresses, drops);
        let encoded = EncodedList::new(&list);
        let slots = expected(&list);
        let variant = Variant::random(&mut fastrand::Rng::with_seed(1));
        for index in 0..2 * rotation::MAX_ROTATIONS {
            let mut servers = pushed(&encoded, index, variant);
            let token = &mut servers[0].load_balance_token;
            assert!(token.ends_with(&format!(".{variant}")), "{token}");
            *token = strip_variant(token).to_owned();
            let mut rotated = slots.clone();
            rotated.rotate_left(rotation::start(slots.len(), index));
            assert_eq!(servers, rotated, "rotation {index}");
        }
    }
}

#[test]
fn only_the_first_slot_differs_between_streams() {
    let list = EncodedList::new(&list(&ADDRESSES, &[]));
    let mut rng = fastrand::Rng::with_seed(1);
    let (one, other) = (Variant::random(&mut rng), Variant::random(&mut rng));
    let (one, other) = (pushed(&list, 3, one), pushed(&list, 3, other));
    assert_ne!(one[0], other[0]);
    assert_eq!(one[1..], other[1..]);
}

#[test]
fn streams_share_the_rest_of_a_rotation() {
    let list = EncodedList::new(&list(&ADDRESSES, &[]));
    let variant = Variant::random(&mut fastrand::Rng::with_seed(1));
    let push = || list.push(0, variant, &mut BytesMut::new());
    assert_eq!(push().as_ptr(), push().as_ptr());
}

#[test]
fn ipv4_goes_out_as_four_bytes_even_if_it_was_registered_as_ipv6() {
    let slots = expected(&list(&ADDRESSES, &[]));
    let mapped = slots.iter().find(|server| server.port == 127).unwrap();
    assert_eq!(mapped.ip_address, [10, 0, 0, 3]);
}

#[test]
fn a_slots_cost_is_what_it_takes_in_the_message() {
    let list = list(&ADDRESSES, &[("overload", 100_000)]);
    for (&slot, server) in list.slots().iter().zip(expected(&list)) {
        assert_eq!(slot_bytes(&list.slot(slot)), 2 + server.encoded_len());
    }
}

#[test]
fn a_report_interval_of_zero_asks_for_no_reports() {
    let interval = |asked| {
        let bytes = initial_response(asked);
        match LoadBalanceResponse::decode(&bytes[PREFIX_BYTES..])
            .unwrap()
            .load_balance_response_type
        {
            Some(Kind::InitialResponse(initial)) => initial.client_stats_report_interval,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(interval(Duration::ZERO), None);
    let asked = interval(Duration::from_millis(1500)).unwrap();
    assert_eq!((asked.seconds, asked.nanos), (1, 500_000_000));
}
