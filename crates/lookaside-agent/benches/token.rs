//! What checking a call's token costs: `cargo bench -p lookaside-agent --bench token`.
//!
//! Prints medians in nanoseconds, and the least, which a busy machine hides less: beside
//! the two things that no check can do without, finding the header and comparing the token
//! with one that is expected, in the same run. Budget: 1000 ns.
#![expect(clippy::expect_used, reason = "a program of its own, with fixed input")]

use std::{hint::black_box, time::Instant};

use http::HeaderMap;
use lookaside_agent::{Key, KeyRing, TokenCheck, TokenMode};
use lookaside_core::TokenIssuer;

const ROUNDS: usize = 51;
const CALLS: u32 = 100_000;
const PATH: &str = "/lookaside.demo.v1.Echo/Echo";

fn main() {
    println!("Nanoseconds a call in {ROUNDS} rounds; budget 1000\n");
    println!("| {:<46} | {:>7} | {:>7} |", "token", "median", "least");
    println!("| {:<46} | {:>7} | {:>7} |", "---", "---", "---");
    let token = token(1, "orders", "a");
    let call = headers(Some(&token));
    row("memcmp of two tokens", || {
        black_box(black_box(token.as_bytes()) == black_box(token.as_bytes()));
    });
    row("finding the header, and memcmp", || {
        let found = black_box(&call).get("lb-token");
        black_box(found.is_some_and(|found| found.as_bytes() == token.as_bytes()));
    });
    for (name, keys, backends, key) in [
        ("valid, 1 key, 1 backend", 1, 1, 1),
        ("valid with a variant, 1 key, 1 backend", 1, 1, 1),
        ("valid under the last of 8 keys, 1 backend", 8, 1, 8),
        ("valid under the last of 8 keys, 1000 backends", 8, 1000, 8),
        ("under no key of 8, 1 backend", 8, 1, 9),
    ] {
        let check = check(keys, backends);
        let mut token = self::token(key, "orders", "a");
        if name.contains("variant") {
            token.push_str(".x1y");
        }
        let call = headers(Some(&token));
        assert_eq!(check.admit(PATH, &call).is_ok(), key <= keys);
        row(name, || {
            black_box(check.admit(PATH, black_box(&call))).ok();
        });
    }
    let check = check(8, 1);
    for (name, token) in [
        ("another backend's", Some(self::token(1, "orders", "b"))),
        ("no token", None),
    ] {
        let call = headers(token.as_deref());
        row(name, || {
            black_box(check.admit(PATH, black_box(&call))).ok();
        });
    }
}

fn row(name: &str, mut call: impl FnMut()) {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            (0..CALLS).for_each(|_| call());
            began.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!(
        "| {name:<46} | {:>7.1} | {:>7.1} |",
        rounds[ROUNDS / 2],
        rounds[0]
    );
}

fn ring(keys: std::ops::RangeInclusive<u8>) -> KeyRing {
    let keys = keys.map(|n| Key::new(&[n; 32]).expect("long enough"));
    KeyRing::new(keys).expect("few and different")
}

/// The token of a backend, signed with the key of this number.
fn token(key: u8, service: &str, id: &str) -> String {
    let (service, id) = (service.parse().expect("a name"), id.parse().expect("an id"));
    let issuer = TokenIssuer::Signed(ring(key..=key));
    issuer.issue(&service, &id).to_string()
}

fn check(keys: u8, backends: u32) -> TokenCheck {
    let orders = |id: String| {
        let id = id.parse().expect("an id");
        ("orders".parse().expect("a name"), id)
    };
    let others = (1..backends).map(|n| orders(format!("other-{n}")));
    let builder = TokenCheck::builder().backend(orders("a".to_owned()));
    let builder = others.fold(builder, |builder, other| builder.backend(other));
    let builder = builder.keys(ring(1..=keys)).mode(TokenMode::Require);
    builder.build().expect("keys and a backend")
}

/// As many headers as a call has.
fn headers(token: Option<&str>) -> HeaderMap {
    let usual = [
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", "grpc-go/1.70.0"),
        ("grpc-timeout", "1S"),
    ];
    let mut headers = HeaderMap::new();
    for (name, value) in usual
        .into_iter()
        .chain(token.map(|token| ("lb-token", token)))
    {
        let value = value.parse().expect("printable");
        headers.insert(http::HeaderName::from_static(name), value);
    }
    headers
}
