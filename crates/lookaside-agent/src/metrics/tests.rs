use http::{HeaderMap, HeaderValue};
use lookaside_core::{Key, KeyRing, TokenIssuer};
use lookaside_proto::LB_TOKEN_HEADER;
use lookaside_registry::{MemoryLimits, MemoryRegistry, Registry as _};
use prometheus_client::encoding::text::encode;

use super::*;
use crate::{Target, TokenMode};

fn text(registry: &Registry) -> String {
    let mut text = String::new();
    encode(&mut text, registry).unwrap();
    text
}

fn ring() -> KeyRing {
    KeyRing::new([Key::new(&[7; 16]).unwrap()]).unwrap()
}

fn call(check: &TokenCheck, token: Option<&str>) {
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        headers.insert(LB_TOKEN_HEADER, HeaderValue::from_str(token).unwrap());
    }
    let _ = check.admit("/lookaside.demo.v1.Echo/Echo", &headers);
}

#[test]
fn calls_are_exported_by_their_token_and_the_checks_mode() {
    let (service, id) = ("orders".parse().unwrap(), "a".parse().unwrap());
    let good = TokenIssuer::Signed(ring()).issue(&service, &id).to_string();
    let check = TokenCheck::builder()
        .backend((service, id))
        .keys(ring())
        .mode(TokenMode::RejectInvalid)
        .build()
        .unwrap();
    let mut registry = Registry::default();
    PrometheusMetrics::default()
        .tokens(&check)
        .register(&mut registry);
    call(&check, Some(&good));
    call(&check, Some(&good));
    call(&check, Some("no token"));
    call(&check, None);

    let key = ring().signing().id();
    let expected = format!(
        r#"# HELP lookaside_agent_calls Calls by what their token was.
# TYPE lookaside_agent_calls counter
lookaside_agent_calls_total{{token="valid",mode="reject-invalid"}} 2
lookaside_agent_calls_total{{token="unverified",mode="reject-invalid"}} 0
lookaside_agent_calls_total{{token="missing",mode="reject-invalid"}} 1
lookaside_agent_calls_total{{token="exempt",mode="reject-invalid"}} 0
lookaside_agent_calls_total{{token="malformed",mode="reject-invalid"}} 1
lookaside_agent_calls_total{{token="foreign",mode="reject-invalid"}} 0
lookaside_agent_calls_total{{token="unsigned",mode="reject-invalid"}} 0
lookaside_agent_calls_total{{token="unknown_key",mode="reject-invalid"}} 0
# HELP lookaside_agent_calls_refused Calls refused for their token.
# TYPE lookaside_agent_calls_refused counter
lookaside_agent_calls_refused_total{{mode="reject-invalid"}} 1
# HELP lookaside_agent_valid_calls Calls with a valid token, by the key that signed it.
# TYPE lookaside_agent_valid_calls counter
lookaside_agent_valid_calls_total{{key="{key}"}} 2
# EOF
"#
    );
    assert_eq!(text(&registry), expected);
}

/// The states that hold, one a backend.
fn holding(registry: &Registry) -> Vec<String> {
    let text = text(registry);
    let holding = text.lines().filter_map(|line| line.strip_suffix(" 1"));
    holding.map(str::to_owned).collect()
}

#[tokio::test]
async fn every_agent_is_exported_in_the_one_state_that_holds() {
    let recorded = MemoryRegistry::new(MemoryLimits::default());
    let agents = ["orders", "users"].map(|service| {
        let agent = Agent::builder(service, "10.0.0.1:80").id("a");
        agent
            .register(Target::registrar(recorded.registrar().unwrap()))
            .unwrap()
    });
    let mut registry = Registry::default();
    let metrics = PrometheusMetrics::default();
    let metrics = agents.iter().fold(metrics, PrometheusMetrics::agent);
    metrics.register(&mut registry);
    let line = |service: &str, state: &str| {
        format!(
            r#"lookaside_agent_registration{{service="{service}",backend="a",state="{state}"}}"#
        )
    };
    assert_eq!(
        holding(&registry),
        [line("orders", "registering"), line("users", "registering")]
    );
    let [orders, users] = agents;
    orders.registered().await;
    users.registered().await;
    assert_eq!(
        holding(&registry),
        [line("orders", "registered"), line("users", "registered")]
    );
    users.deregister().await;
    assert_eq!(
        holding(&registry),
        [line("orders", "registered"), line("users", "ended")]
    );
    assert_eq!(text(&registry).matches("# TYPE").count(), 1);
}

#[tokio::test]
async fn an_agent_that_was_dropped_is_exported_as_ended() {
    let recorded = MemoryRegistry::new(MemoryLimits::default());
    let agent = Agent::builder("orders", "10.0.0.1:80").id("a");
    let agent = agent
        .register(Target::registrar(recorded.registrar().unwrap()))
        .unwrap();
    let mut registry = Registry::default();
    let metrics = PrometheusMetrics::default().agent(&agent);
    metrics.register(&mut registry);
    agent.registered().await;
    let mut state = agent.state();
    drop(agent);
    while state.changed().await.is_ok() {}
    let [holding] = &holding(&registry)[..] else {
        panic!("not one state");
    };
    assert!(holding.contains(r#"state="ended""#), "{holding}");
}
