use http::HeaderValue;
use lookaside_core::{Key, TokenFault, TokenIssuer};
use lookaside_proto::LB_TOKEN_HEADER;

use super::*;

fn ring(keys: &[u8]) -> KeyRing {
    KeyRing::new(keys.iter().map(|n| Key::new(&[*n; 16]).unwrap())).unwrap()
}

fn identity(service: &str, id: &str) -> (ServiceName, BackendId) {
    (service.parse().unwrap(), id.parse().unwrap())
}

/// A token that a balancer issues that signs with the key of this number; 0: with none.
fn token(key: u8, service: &str, id: &str) -> String {
    let issuer = match key {
        0 => TokenIssuer::Unsigned,
        key => TokenIssuer::Signed(ring(&[key])),
    };
    let (service, id) = identity(service, id);
    issuer.issue(&service, &id).to_string()
}

fn headers(tokens: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for token in tokens {
        headers.append(LB_TOKEN_HEADER, HeaderValue::from_str(token).unwrap());
    }
    headers
}

fn check(mode: TokenMode, keys: &[u8]) -> TokenCheck {
    let builder = TokenCheck::builder().backend(identity("orders", "a"));
    builder.keys(ring(keys)).mode(mode).build().unwrap()
}

const ECHO: &str = "/lookaside.demo.v1.Echo/Echo";

fn admit(check: &TokenCheck, tokens: &[&str]) -> Result<(), TokenRefusal> {
    check.admit(ECHO, &headers(tokens))
}

/// One call of every kind.
fn one_of_each(check: &TokenCheck) -> [Result<(), TokenRefusal>; 7] {
    [
        Some(token(1, "orders", "a")),
        Some(token(2, "orders", "a") + ".x1y"),
        Some(token(9, "orders", "a")),
        Some(token(1, "orders", "b")),
        Some(token(0, "orders", "a")),
        Some("overload".to_owned()),
        None,
    ]
    .map(|token| admit(check, &token.iter().map(|it| &**it).collect::<Vec<_>>()))
}

const INVALID: [Result<(), TokenRefusal>; 4] = [
    Err(TokenRefusal::Invalid(TokenFault::UnknownKey)),
    Err(TokenRefusal::Invalid(TokenFault::Foreign)),
    Err(TokenRefusal::Invalid(TokenFault::Unsigned)),
    Err(TokenRefusal::Invalid(TokenFault::Malformed)),
];

#[test]
fn observing_lets_every_call_pass_and_counts_it() {
    let check = check(TokenMode::Observe, &[1, 2]);
    assert_eq!(one_of_each(&check), [Ok(()); 7]);
    let keys = ring(&[1, 2]);
    let counts = check.counts();
    let expected = TokenCounts {
        valid: 2,
        valid_by_key: keys.keys().iter().map(|key| (key.id(), 1)).collect(),
        malformed: 1,
        foreign: 1,
        unsigned: 1,
        unknown_key: 1,
        missing: 1,
        ..TokenCounts::default()
    };
    assert_eq!(counts, expected);
    assert_eq!(counts.invalid(), 4);
}

#[test]
fn rejecting_the_invalid_lets_calls_without_a_token_pass() {
    let check = check(TokenMode::RejectInvalid, &[1, 2]);
    let [first, second, invalid @ .., missing] = one_of_each(&check);
    assert_eq!((first, second, missing), (Ok(()), Ok(()), Ok(())));
    assert_eq!(invalid, INVALID);
    assert_eq!(check.counts().refused, 4);
}

#[test]
fn requiring_a_token_refuses_calls_without_one_too() {
    let check = check(TokenMode::Require, &[1, 2]);
    let [first, second, invalid @ .., missing] = one_of_each(&check);
    assert_eq!((first, second), (Ok(()), Ok(())));
    assert_eq!(invalid, INVALID);
    assert_eq!(missing, Err(TokenRefusal::Missing));
    assert_eq!(check.counts().refused, 5);
}

#[test]
fn without_a_key_tokens_can_only_be_observed() {
    let builder = TokenCheck::builder().backend(identity("orders", "a"));
    for mode in [TokenMode::RejectInvalid, TokenMode::Require] {
        let error = builder.clone().mode(mode).build().unwrap_err();
        assert_eq!(error, TokenCheckError::NoKeys { mode });
        assert!(error.to_string().contains(&mode.to_string()), "{error}");
    }
    let check = builder.build().unwrap();
    assert_eq!(one_of_each(&check), [Ok(()); 7]);
    let counts = check.counts();
    assert_eq!((counts.unverified, counts.valid), (1, 0));
    assert_eq!((counts.unknown_key, counts.foreign), (3, 1));
}

#[test]
fn a_check_must_know_whose_tokens_it_checks() {
    let error = TokenCheck::builder().keys(ring(&[1])).build().unwrap_err();
    assert_eq!(error, TokenCheckError::NoBackend);
}

#[test]
fn a_backend_of_several_services_and_ids_takes_the_tokens_of_each() {
    let own = [("orders", "a"), ("orders", "b"), ("team/users", "a")];
    let builder = own
        .iter()
        .fold(TokenCheck::builder(), |builder, (service, id)| {
            builder.backend(identity(service, id))
        });
    let check = builder
        .keys(ring(&[1]))
        .mode(TokenMode::Require)
        .build()
        .unwrap();
    for (service, id) in own {
        assert_eq!(admit(&check, &[&token(1, service, id)]), Ok(()));
    }
    let foreign = TokenRefusal::Invalid(TokenFault::Foreign);
    assert_eq!(admit(&check, &[&token(1, "team/users", "b")]), Err(foreign));
}

#[test]
fn other_keys_are_in_force_from_the_next_call_on_and_a_key_that_stays_keeps_its_count() {
    let check = check(TokenMode::Require, &[1]);
    let [old, new] = [1, 2].map(|key| token(key, "orders", "a"));
    admit(&check, &[&old]).unwrap();
    admit(&check, &[&new]).unwrap_err();
    check.set_keys(ring(&[2, 1]));
    admit(&check, &[&old]).unwrap();
    admit(&check, &[&new]).unwrap();
    let ids = ring(&[2, 1]).keys().iter().map(Key::id).collect::<Vec<_>>();
    assert_eq!(check.counts().valid_by_key, [(ids[0], 1), (ids[1], 2)]);
    check.set_keys(ring(&[2]));
    admit(&check, &[&old]).unwrap_err();
    assert_eq!(check.counts().valid_by_key, [(ids[0], 1)]);
    assert_eq!((check.counts().valid, check.keys()), (3, Some(ring(&[2]))));
}

#[test]
fn of_several_tokens_one_valid_one_is_enough_within_a_bound() {
    let check = check(TokenMode::Require, &[1]);
    let (own, foreign) = (token(1, "orders", "a"), token(1, "orders", "b"));
    assert_eq!(admit(&check, &[&foreign, &own]), Ok(()));
    let refused = Err(TokenRefusal::Invalid(TokenFault::Foreign));
    assert_eq!(admit(&check, &[&foreign, "junk"]), refused);
    let mut many = vec![&*foreign; MAX_TOKENS];
    many.push(&own);
    assert_eq!(admit(&check, &many), refused);
}

#[test]
fn tokens_that_an_intermediary_has_joined_are_told_apart() {
    let check = check(TokenMode::Require, &[1]);
    let (own, foreign) = (token(1, "orders", "a"), token(1, "orders", "b"));
    for joined in [
        format!("{foreign},{own}"),
        format!("{own}, {foreign}"),
        format!("{foreign}\t, \t{own}.x1y "),
        format!(",{own}"),
    ] {
        assert_eq!(admit(&check, &[&joined]), Ok(()), "{joined:?}");
    }
    let joined = format!("{foreign} , {foreign}");
    assert_eq!(admit(&check, &[&joined, "junk", &own]), Ok(()));
    let refused = |fault| Err(TokenRefusal::Invalid(fault));
    let foreign_first = refused(TokenFault::Foreign);
    assert_eq!(admit(&check, &[&joined, "junk"]), foreign_first);
    // The bound is on all of them, wherever they are.
    assert_eq!(admit(&check, &[&joined, &joined, &own]), foreign_first);
    let many = format!("{},{own}", [&*foreign; MAX_TOKENS].join(","));
    assert_eq!(admit(&check, &[&many]), foreign_first);
    // Only commas separate.
    let malformed = refused(TokenFault::Malformed);
    assert_eq!(admit(&check, &[&format!("{own} {own}")]), malformed);
    assert_eq!(admit(&check, &[&format!("{own};{own}")]), malformed);
}

#[test]
fn a_header_that_says_nothing_is_no_missing_one() {
    let check = check(TokenMode::RejectInvalid, &[1]);
    let malformed = Err(TokenRefusal::Invalid(TokenFault::Malformed));
    for nothing in ["", " ", ",", " , ,"] {
        assert_eq!(admit(&check, &[nothing]), malformed, "{nothing:?}");
    }
    assert_eq!(admit(&check, &[]), Ok(()));
}

#[test]
fn health_checks_pass_without_a_token_and_other_services_if_told() {
    let passes = |check: &TokenCheck, path: &str| check.admit(path, &headers(&[])).is_ok();
    let health = "/grpc.health.v1.Health/Check";
    let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let usual = check(TokenMode::Require, &[1]);
    assert!(passes(&usual, health));
    assert!(!passes(&usual, reflection));
    for near in [
        "/grpc.health.v1.HealthX/Check",
        "/grpc.health.v1.Health",
        "/x/grpc.health.v1.Health/Check",
    ] {
        assert!(!passes(&usual, near), "{near}");
    }
    assert_eq!((usual.counts().exempt, usual.counts().missing), (1, 4));

    let builder = TokenCheck::builder().backend(identity("orders", "a"));
    let builder = builder.keys(ring(&[1])).mode(TokenMode::Require);
    let more = builder
        .clone()
        .exempt(["grpc.reflection.v1.ServerReflection"]);
    let more = more.build().unwrap();
    assert!(passes(&more, health) && passes(&more, reflection));
    let none = builder.no_exemptions().build().unwrap();
    assert!(!passes(&none, health));
}

#[test]
fn a_check_allocates_nothing() {
    let check = check(TokenMode::Require, &[1, 2, 3]);
    let tokens = [1, 2, 3, 4, 0].map(|key| headers(&[&token(key, "orders", "a")]));
    let several = headers(&["junk", &token(1, "orders", "a")]);
    let joined = headers(&[&format!("junk, {},junk", token(1, "orders", "a"))]);
    let missing = headers(&[]);
    let others = [&several, &joined, &missing];
    let all: Vec<_> = tokens.iter().chain(others).collect();
    // A thread's first look at an `ArcSwap` sets up its slot.
    let _ = check.admit(ECHO, &missing);
    let before = check.counts();
    let counted = allocation_counter::measure(|| {
        for _ in 0..1000 {
            for headers in &all {
                let _ = std::hint::black_box(check.admit(ECHO, headers));
            }
        }
    });
    assert_eq!(counted.count_total, 0, "{counted:?}");
    let after = check.counts();
    assert_eq!(after.valid - before.valid, 5000);
    assert_eq!(after.refused - before.refused, 3000);
}
