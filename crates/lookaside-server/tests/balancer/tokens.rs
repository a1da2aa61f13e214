//! Signed tokens, and a change of the key that signs them.

use std::collections::BTreeMap;

use lookaside_core::{BackendId, Key, KeyRing, ServiceName, TokenIssuer, strip_variant};
use lookaside_proto::{
    lb::Server,
    v1::{
        FindTokenRequest, FindTokenResponse, GetStatusRequest, WatchServiceRequest,
        find_token_response::Signature,
    },
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tonic::{Code, Status};

use crate::kit::{Fixture, Inspect, MERGED, backend};

fn key(n: u8) -> Key {
    Key::new(&[n; 16]).unwrap()
}

fn signed(keys: &[u8]) -> TokenIssuer {
    TokenIssuer::Signed(KeyRing::new(keys.iter().map(|n| key(*n))).unwrap())
}

fn token(issuer: &TokenIssuer, id: &str) -> String {
    let orders = ServiceName::new("orders").unwrap();
    let id = BackendId::new(id).unwrap();
    issuer.issue(&orders, &id).to_string()
}

/// A balancer of two backends, `b1` and `b2`, and what changes its keys.
async fn fixture(issuer: TokenIssuer) -> (Fixture, watch::Sender<TokenIssuer>) {
    let (keys, tokens) = watch::channel(issuer);
    let fixture = Fixture::with(|config| config.tokens = tokens).await;
    fixture.registry.set("orders", [backend(1), backend(2)]);
    sleep(MERGED).await;
    (fixture, keys)
}

fn tokens(list: &[Server]) -> BTreeMap<i32, String> {
    let token = |it: &Server| strip_variant(&it.load_balance_token).to_owned();
    list.iter().map(|it| (it.port, token(it))).collect()
}

fn expected(issuer: &TokenIssuer) -> BTreeMap<i32, String> {
    [(1, token(issuer, "b1")), (2, token(issuer, "b2"))].into()
}

#[tokio::test(start_paused = true)]
async fn a_new_key_reaches_every_client_as_one_list() {
    let (fixture, keys) = fixture(signed(&[1])).await;
    let mut streams = [
        fixture.stream("orders").await,
        fixture.stream("orders").await,
    ];
    for stream in &mut streams {
        stream.initial().await;
        assert_eq!(tokens(&stream.list().await), expected(&signed(&[1])));
    }
    // A key to come is nothing to clients.
    keys.send_replace(signed(&[1, 2]));
    sleep(10 * MERGED).await;
    keys.send_replace(signed(&[2, 1]));
    for stream in &mut streams {
        assert_eq!(tokens(&stream.list().await), expected(&signed(&[2])));
        timeout(10 * MERGED, stream.next())
            .await
            .expect_err("one list");
    }
}

#[tokio::test(start_paused = true)]
async fn keys_that_nobody_will_change_any_more_stand() {
    let (fixture, keys) = fixture(signed(&[1])).await;
    drop(keys);
    let mut stream = fixture.stream("orders").await;
    stream.initial().await;
    stream.list().await;
    fixture.registry.set("orders", [backend(1)]);
    let [(_, one)] = <[_; 1]>::try_from(Vec::from_iter(tokens(&stream.list().await))).unwrap();
    assert_eq!(one, token(&signed(&[1]), "b1"));
}

#[tokio::test(start_paused = true)]
async fn inspection_shows_tokens_under_the_present_key_and_the_ids_of_all_keys() {
    let (fixture, keys) = fixture(TokenIssuer::Unsigned).await;
    let mut inspect = fixture.inspect().await;
    let request = WatchServiceRequest {
        name: "orders".to_owned(),
    };
    let watch = inspect.0.watch_service(request).await;
    let mut watch = watch.unwrap().into_inner();
    watch.message().await.unwrap().unwrap();
    for issuer in [signed(&[1]), signed(&[2, 1])] {
        keys.send_replace(issuer.clone());
        let seen = watch.message().await.unwrap().unwrap();
        assert_eq!(seen.backends[1].token, token(&issuer, "b2"));
        let seen = inspect.get("orders").await.unwrap();
        assert_eq!(seen.backends[0].token, token(&issuer, "b1"));
        sleep(MERGED).await;
    }
    let status = inspect.0.get_status(GetStatusRequest {}).await.unwrap();
    let ids = [key(2).id().to_string(), key(1).id().to_string()];
    assert_eq!(status.into_inner().token_keys, ids);
}

async fn find(inspect: &mut Inspect, token: &str) -> Result<FindTokenResponse, Status> {
    let request = FindTokenRequest {
        token: token.to_owned(),
    };
    Ok(inspect.0.find_token(request).await?.into_inner())
}

#[tokio::test(start_paused = true)]
async fn a_token_is_found_with_what_its_signature_is_worth() {
    let (fixture, _keys) = fixture(signed(&[1, 2])).await;
    let mut inspect = fixture.inspect().await;
    for (issuer, signature, signed_by, current) in [
        (signed(&[1]), Signature::Valid, Some(1), true),
        (signed(&[2]), Signature::Valid, Some(2), false),
        (signed(&[3]), Signature::UnknownKey, None, false),
        (TokenIssuer::Unsigned, Signature::None, None, false),
    ] {
        for variant in ["", ".x1y"] {
            let token = token(&issuer, "b2") + variant;
            let found = find(&mut inspect, &token).await.unwrap();
            let expected = FindTokenResponse {
                service: "orders".to_owned(),
                id: "b2".to_owned(),
                address: "10.0.0.1:2".to_owned(),
                signature: signature.into(),
                key: signed_by.map_or(String::new(), |n| key(n).id().to_string()),
                current,
            };
            assert_eq!(found, expected, "{issuer:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_keys_an_unsigned_token_is_what_clients_get() {
    let (fixture, _keys) = fixture(TokenIssuer::Unsigned).await;
    let mut inspect = fixture.inspect().await;
    let unsigned = token(&TokenIssuer::Unsigned, "b1");
    let found = find(&mut inspect, &unsigned).await.unwrap();
    assert_eq!((found.signature(), found.current), (Signature::None, true));
    let found = find(&mut inspect, &token(&signed(&[1]), "b1"))
        .await
        .unwrap();
    assert_eq!(found.signature(), Signature::UnknownKey);
    assert!(!found.current);
}

#[tokio::test(start_paused = true)]
async fn a_token_of_nobody_is_not_found_and_what_is_no_token_is_refused() {
    let (fixture, _keys) = fixture(signed(&[1])).await;
    let mut inspect = fixture.inspect().await;
    let stranger = token(&signed(&[1]), "b3");
    let status = find(&mut inspect, &stranger).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let status = find(&mut inspect, "overload").await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("overload"), "{status:?}");
}
