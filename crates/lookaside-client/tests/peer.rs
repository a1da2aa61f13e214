//! What a response says of who answered, and how its call came to be sent there.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use h2::Reason;
use lookaside_client::{Address, Channel, ChildPolicy, LbToken, Mode, Peer, ResolverUpdate};
use lookaside_proto::demo::{EchoRequest, echo_client::EchoClient};
use support::{
    addr,
    backend::Backend,
    balancer::{Balancer, server},
    eventually,
    net::Net,
    resolver,
    scripted::{Answer, Scripted},
    text,
};
use tokio::io::AsyncWriteExt;

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

/// Attempts, and the token that the backend saw, of a call that has this one of its own.
async fn with_own(channel: &Channel, own: Option<&'static str>) -> (u32, String) {
    let mut request = tonic::Request::new(EchoRequest::default());
    if let Some(own) = own {
        let own = tonic::metadata::MetadataValue::from_static(own);
        request.metadata_mut().insert("lb-token", own);
    }
    let response = EchoClient::new(channel.clone()).echo(request).await;
    let response = response.unwrap();
    let attempts = response.extensions().get::<Peer>().unwrap().attempts();
    (attempts, response.into_inner().lb_token)
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_back_unsent_takes_no_token_to_an_address_without_one() {
    for own in [None, Some("own")] {
        let net = Net::default();
        let mut leaving = net.listen(addr(1));
        let _backend = Backend::start(&net, addr(2));
        let resolver = resolver::Scripted::default();
        let channel = Channel::builder("orders")
            .resolver(resolver.clone())
            .child_policy(ChildPolicy::RoundRobin)
            .connector(net.clone())
            .build()
            .unwrap();
        resolver.say(ResolverUpdate::new(vec![
            Address::new(addr(1)).with_token(LbToken::new("of-the-first").unwrap()),
            Address::new(addr(2)),
        ]));
        let mut io = leaving.recv().await.unwrap();
        // An empty frame of settings: it is READY.
        io.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        // The connection learns of it when a call has been given to it.
        drop(io);
        let mut both: [(u32, String); 2] =
            tokio::join!(with_own(&channel, own), with_own(&channel, own)).into();
        both.sort();
        let expected = own.unwrap_or_default().to_owned();
        assert_eq!(both, [(1, expected.clone()), (2, expected)]);
    }
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
