//! What a response says of who answered, and how its call came to be sent there.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use h2::Reason;
use lookaside_client::{Channel, Mode, Peer};
use lookaside_proto::demo::{EchoRequest, echo_client::EchoClient};
use support::{
    addr,
    backend::Backend,
    balancer::{Balancer, server},
    eventually,
    net::Net,
    scripted::{Answer, Scripted},
    text,
};

async fn peer(channel: &Channel) -> Peer {
    let mut client = EchoClient::new(channel.clone());
    let response = client.echo(EchoRequest::default()).await.unwrap();
    response.extensions().get::<Peer>().unwrap().clone()
}

fn token(peer: &Peer) -> Option<&str> {
    peer.token().map(lookaside_client::LbToken::as_str)
}

#[tokio::test(start_paused = true)]
async fn over_a_list_it_is_the_slot_and_in_fallback_the_address_alone() {
    let net = Net::default();
    let _backends = [1, 2].map(|n| Backend::start(&net, addr(n)));
    let mut balancer = Balancer::start(&net, addr(100));
    let channel = Channel::builder("orders")
        .balancers([text(100)])
        .fallback([text(2)])
        .connector(net.clone())
        .wait_for_ready(true)
        .build()
        .unwrap();
    let stream = balancer.stream().await;
    stream.list([server(addr(1), "slot-1")]);
    let listed = peer(&channel).await;
    assert_eq!(listed.to_string(), "10.0.0.1:1");
    assert_eq!((listed.mode(), listed.attempts()), (Mode::Balancer, 1));
    assert_eq!(token(&listed), Some("slot-1"));

    stream.list([server(addr(1), "slot-2")]);
    eventually("the new token", async || {
        token(&peer(&channel).await) == Some("slot-2")
    })
    .await;

    stream.fall_back();
    channel.wait_for_mode_change(Mode::Balancer).await;
    let fallback = peer(&channel).await;
    assert_eq!(fallback.socket_addr(), Some(addr(2)));
    assert_eq!((fallback.mode(), token(&fallback)), (Mode::Fallback, None));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_refused_says_that_it_was_sent_twice() {
    let net = Net::default();
    let _server = Scripted::start(&net, addr(1), [Answer::Reset(Reason::REFUSED_STREAM)]);
    let channel = Channel::builder("orders")
        .addresses([text(1)])
        .connector(net.clone())
        .build()
        .unwrap();
    let first = peer(&channel).await;
    assert_eq!((first.mode(), first.attempts()), (Mode::Direct, 2));
    assert_eq!(peer(&channel).await.attempts(), 1);
}

#[cfg(feature = "retry")]
#[tokio::test(start_paused = true)]
async fn retries_are_attempts_and_the_last_ones_slot_is_the_calls() {
    use tonic::Code;

    let net = Net::default();
    let fails = Answer::Status(Code::Unavailable, &[]);
    let _server = Scripted::start(&net, addr(1), [fails.clone(), fails]);
    let mut balancer = Balancer::start(&net, addr(100));
    let config = r#"{"methodConfig": [{"name": [{}], "retryPolicy": {
        "maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "1s",
        "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}}]}"#;
    let channel = Channel::builder("orders")
        .balancers([text(100)])
        .connector(net.clone())
        .default_service_config(config)
        .build()
        .unwrap();
    let stream = balancer.stream().await;
    stream.list((1..=3).map(|n| server(addr(1), &format!("slot-{n}"))));
    let answered = peer(&channel).await;
    assert_eq!(answered.attempts(), 3);
    let next = peer(&channel).await;
    assert_eq!(next.attempts(), 1);
    // Slots come in turn: the next call has the one after the last attempt's.
    let slot = |peer: &Peer| token(peer).unwrap()[5..].parse::<u32>().unwrap();
    assert_eq!(slot(&next), slot(&answered) % 3 + 1);
}

#[tokio::test(start_paused = true)]
async fn also_the_answer_that_is_a_status_alone_says_who_gave_it() {
    use tower_service::Service;

    let net = Net::default();
    let fails = Answer::Status(tonic::Code::Internal, &[]);
    let _server = Scripted::start(&net, addr(1), [fails]);
    let mut channel = Channel::builder("orders")
        .addresses([text(1)])
        .connector(net.clone())
        .build()
        .unwrap();
    let request = http::Request::post("/a.B/C");
    let request = request.body(tonic::body::Body::empty()).unwrap();
    let answer = channel.call(request).await.unwrap();
    assert_eq!(answer.headers()["grpc-status"], "13");
    let peer = answer.extensions().get::<Peer>().unwrap();
    assert_eq!(peer.to_string(), "10.0.0.1:1");
}
