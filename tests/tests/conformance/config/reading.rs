//! Configurations, and what they do to a new channel.

use std::time::Duration;

use lookaside_client::{ConnectivityState, Mode};
use tokio::time::Instant;

use super::{ALL, FIRST, effect, grpclb, refusal, with};
use crate::{
    support::calls::call,
    world::{BALANCER, FALLBACK, Scripted, World, found, list},
};

fn orders(backends: usize) -> (String, usize) {
    ("orders".to_owned(), backends)
}

#[tokio::test(start_paused = true)]
async fn what_it_says_of_child_and_service_holds_and_the_rest_is_as_ever() {
    assert_eq!(effect(with("{}")).await, orders(ALL));
    let config = r#"{"childPolicy": [{"pick_first": {}}]}"#;
    assert_eq!(effect(with(config)).await, orders(FIRST));
    let config = r#"{
        "childPolicy": [{"round_robin": {}}, {"pick_first": {}}],
        "serviceName": "team/shop"
    }"#;
    assert_eq!(effect(with(config)).await, ("team/shop".to_owned(), ALL));
}

#[tokio::test(start_paused = true)]
async fn the_first_child_policy_that_is_known_is_used() {
    for (children, expected) in [
        (r#"[{"pick_first": {}}]"#, FIRST),
        (r#"[{"pick_first": {}}, {"round_robin": {}}]"#, FIRST),
        (r#"[{"round_robin": {}}, {"pick_first": {}}]"#, ALL),
    ] {
        let config = format!(r#"{{"childPolicy": {children}}}"#);
        assert_eq!(effect(with(&config)).await, orders(expected), "{children}");
    }
}

#[tokio::test(start_paused = true)]
async fn grpclb_is_known_by_its_name() {
    let mut world = World::with(1, with("{}"));
    let _stream = world.working(&list("1a")).await;
    assert_eq!(world.token().await, "a");
}

#[tokio::test(start_paused = true)]
async fn pick_first_as_child() {
    let config = r#"{"childPolicy": [{"pick_first": {}}, {"round_robin": {}}]}"#;
    assert_eq!(effect(with(config)).await, orders(FIRST));
}

#[tokio::test(start_paused = true)]
async fn round_robin_as_child() {
    let config = r#"{"childPolicy": [{"round_robin": {}}, {"pick_first": {}}]}"#;
    assert_eq!(effect(with(config)).await, orders(ALL));
}

#[tokio::test(start_paused = true)]
async fn without_a_service_config_the_child_is_round_robin() {
    assert_eq!(effect(|builder| builder).await, orders(ALL));
}

#[tokio::test(start_paused = true)]
async fn with_an_empty_configuration_the_child_is_round_robin() {
    assert_eq!(effect(with("{}")).await, orders(ALL));
}

#[tokio::test(start_paused = true)]
async fn with_an_empty_list_of_children_the_child_is_round_robin() {
    assert_eq!(effect(with(r#"{"childPolicy": []}"#)).await, orders(ALL));
}

#[tokio::test(start_paused = true)]
async fn children_of_which_none_is_known_are_an_error_that_names_them() {
    let text = refusal(r#"{"childPolicy": [{"nonono": {}}]}"#);
    for part in ["childPolicy", "nonono", "pick_first", "round_robin"] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_children_are_skipped() {
    let config = r#"{"childPolicy": [{"nonono": {}}, {"pick_first": {}}]}"#;
    assert_eq!(effect(with(config)).await, orders(FIRST));
}

#[tokio::test(start_paused = true)]
async fn unknown_children_are_skipped_and_the_service_is_named() {
    let config = r#"{
        "childPolicy": [{"nonono": {}}, {"pick_first": {}}],
        "serviceName": "foo.google.com"
    }"#;
    let expected = ("foo.google.com".to_owned(), FIRST);
    assert_eq!(effect(with(config)).await, expected);
}

#[tokio::test(start_paused = true)]
async fn children_that_are_no_list_are_an_error_that_says_so() {
    let text = refusal(r#"{"childPolicy": {}}"#);
    assert!(text.contains("childPolicy: expected a list"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn children_that_are_no_list_are_an_error_also_beside_a_service() {
    let text = refusal(r#"{"childPolicy": {}, "serviceName": "foo.google.com"}"#);
    assert!(text.contains("childPolicy: expected a list"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn the_fallback_timeout_it_says_holds() {
    let config = r#"{"initialFallbackTimeout": "2.5s"}"#;
    let world = World::with(0, with(config));
    let began = Instant::now();
    call(&world.channel).await.unwrap();
    assert_eq!(world.channel.mode(), Mode::Fallback);
    let waited = began.elapsed();
    let expected = Duration::from_millis(2500);
    assert!(
        waited >= expected && waited < expected + Duration::from_millis(100),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_fallback_timeout_that_is_not_above_zero_is_an_error() {
    for timeout in ["0s", "-1s", "-0.5s"] {
        let text = refusal(&format!(r#"{{"initialFallbackTimeout": "{timeout}"}}"#));
        assert!(text.contains("initialFallbackTimeout: "), "{text}");
        assert!(text.contains(timeout), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fallback_timeout_that_is_no_duration_is_an_error() {
    for timeout in [r#""seconds""#, r#""10""#, "10", r#"{"seconds": 10}"#] {
        let text = refusal(&format!(r#"{{"initialFallbackTimeout": {timeout}}}"#));
        assert!(text.contains("initialFallbackTimeout: "), "{text}");
    }
}

/// As a service has it that moves from one policy to another.
const MIGRATION: &str = r#"{"loadBalancingConfig": [
    {"does_not_exist": {}}, {"grpclb": {"childPolicy": [{"pick_first": {}}]}}
]}"#;

fn migrating(update: lookaside_client::ResolverUpdate) -> Scripted {
    let resolver = Scripted::default();
    resolver.set(update.with_service_config(Ok(MIGRATION.into())));
    resolver
}

#[tokio::test(start_paused = true)]
async fn grpclb_is_chosen_where_the_policies_before_it_are_unknown() {
    let resolver = migrating(found([FALLBACK], [BALANCER]));
    let mut world = World::resolving(resolver, |builder| builder);
    world.start_balancer();
    world.start(1);
    let stream = world.stream().await;
    stream.list(list("1a"));
    assert_eq!(world.answered_by().await, 1);
    assert_eq!(world.channel.mode(), Mode::Balancer);
}

#[tokio::test(start_paused = true)]
async fn grpclb_that_is_chosen_and_has_no_address_of_any_kind_fails_calls() {
    let resolver = migrating(found([], []));
    let world = World::resolving(resolver, |builder| builder);
    let text = world.failure().await;
    assert_eq!(
        text,
        "there are no balancers, and there are no fallback addresses"
    );
    assert_eq!(world.channel.state(), ConnectivityState::TransientFailure);
    assert_eq!(world.channel.mode(), Mode::Fallback);
}

#[tokio::test(start_paused = true)]
async fn the_balancer_is_asked_for_the_service_of_the_configuration() {
    let config = r#"{"serviceName": "test_service"}"#;
    let resolver = Scripted::default();
    let update = found([FALLBACK], [BALANCER]);
    resolver.set(update.with_service_config(Ok(grpclb(config).into())));
    let mut world = World::resolving(resolver, |builder| builder);
    world.start_balancer();
    let mut stream = world.balancer().raw_stream().await;
    assert_eq!(stream.name().await, "test_service");
}
