//! Retries, as a service config asks for them.

#![cfg(feature = "retry")]
#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::time::Duration;

use h2::Reason;
use lookaside_client::{Builder, Channel, ConnectivityState};
use support::{
    addr,
    balancer::{Balancer, drop_entry, server},
    calls::{call, call_with, patient_call},
    net::Net,
    scripted::{Answer, Scripted},
    text,
};
use tokio::time::Instant;
use tonic::{Code, Status, codegen::tokio_stream};

const UNAVAILABLE: Answer = Answer::Status(Code::Unavailable, &[]);

/// At most four attempts, 100 ms apart and more each time.
fn config(more: &str) -> String {
    format!(
        r#"{{{more} "methodConfig": [{{"name": [{{}}], "retryPolicy": {{
            "maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "10s",
            "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}}}}]}}"#
    )
}

fn builder(net: &Net) -> Builder {
    Channel::builder("orders")
        .addresses([text(1)])
        .connector(net.clone())
        .default_service_config(config(""))
}

fn with(answers: impl IntoIterator<Item = Answer>) -> (Net, Scripted, Channel) {
    let net = Net::default();
    let server = Scripted::start(&net, addr(1), answers);
    let channel = builder(&net).build().unwrap();
    (net, server, channel)
}

fn previous_attempts(server: &Scripted) -> Vec<Option<String>> {
    let header = |headers: &http::HeaderMap| {
        let value = headers.get("grpc-previous-rpc-attempts")?;
        Some(value.to_str().unwrap().to_owned())
    };
    server
        .seen()
        .iter()
        .map(|seen| header(&seen.headers))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_is_made_again_whole_and_says_how_often_it_was() {
    let (_net, server, channel) = with([UNAVAILABLE, UNAVAILABLE, UNAVAILABLE]);
    call(&channel).await.unwrap();
    let seen = server.seen();
    assert_eq!(
        previous_attempts(&server),
        [None, Some("1".into()), Some("2".into()), Some("3".into())]
    );
    // The gRPC prefix, then "hello" as field 1.
    assert!(seen.iter().all(|seen| seen.body == Some(5 + 7)));
    for (pair, base) in seen.windows(2).zip([100.0, 200.0, 400.0]) {
        let waited = (pair[1].at - pair[0].at).as_secs_f64() * 1000.0;
        assert!(
            (base * 0.79..base * 1.21).contains(&waited),
            "{waited} of {base}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_last_attempt_its_own_status_is_the_calls() {
    let answers = [UNAVAILABLE, UNAVAILABLE, UNAVAILABLE];
    let last = Answer::Status(Code::Unavailable, &[("grpc-message", "the%20last")]);
    let (_net, server, channel) = with(answers.into_iter().chain([last]));
    let status = call(&channel).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unavailable, "the last")
    );
    assert_eq!(server.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn only_the_codes_that_are_named_are_tried_again() {
    let (_net, server, channel) = with([Answer::Status(Code::Internal, &[])]);
    assert_eq!(call(&channel).await.unwrap_err().code(), Code::Internal);
    assert_eq!(server.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_has_begun_is_final() {
    let (_net, server, channel) = with([Answer::Late(Code::Unavailable)]);
    assert_eq!(call(&channel).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(server.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_a_proxy_counts_by_its_http_status() {
    let (_net, server, channel) = with([Answer::Http(503)]);
    call(&channel).await.unwrap();
    assert_eq!(server.calls(), 2);
    let (_net, server, channel) = with([Answer::Http(404)]);
    call(&channel).await.unwrap_err();
    assert_eq!(server.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_a_failure_like_any_other() {
    let net = Net::default();
    let channel = builder(&net).build().unwrap();
    let mut incoming = net.listen(addr(1));
    let breaks = tokio::spawn(async move {
        let io = incoming.recv().await.unwrap();
        let mut connection = h2::server::handshake(io).await.unwrap();
        let _request = connection.accept().await.unwrap();
    });
    let sent = tokio::spawn(async move { call(&channel).await });
    breaks.await.unwrap();
    let server = Scripted::start(&net, addr(1), []);
    sent.await.unwrap().unwrap();
    assert_eq!(previous_attempts(&server), [Some("1".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_refused_twice_is_then_tried_by_the_policy() {
    let refuse = || Answer::Reset(Reason::REFUSED_STREAM);
    let (_net, server, channel) = with([refuse(), refuse()]);
    call(&channel).await.unwrap();
    // The second is sent again at once, and is no attempt of its own.
    assert_eq!(previous_attempts(&server), [None, None, Some("1".into())]);
    let seen = server.seen();
    assert_eq!(seen[1].at, seen[0].at);
    assert!(seen[2].at > seen[1].at);
}

#[tokio::test(start_paused = true)]
async fn a_pick_that_fails_is_tried_again_too() {
    let net = Net::default();
    let channel = builder(&net).build().unwrap();
    support::eventually("nobody is there", async || {
        channel.state() == ConnectivityState::TransientFailure
    })
    .await;
    let began = Instant::now();
    let status = call(&channel).await.unwrap_err();
    assert_eq!(status.message(), "no connection to 10.0.0.1:1: refused");
    let waited = began.elapsed().as_millis();
    assert!((560..=840).contains(&waited), "{waited} of 700 ms");
    let sent = tokio::spawn(async move { call(&channel).await });
    let server = Scripted::start(&net, addr(1), []);
    sent.await.unwrap().unwrap();
    assert_eq!(server.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_servers_own_word_on_when_is_taken() {
    let pushback = Answer::Status(Code::Unavailable, &[("grpc-retry-pushback-ms", "5000")]);
    let (_net, server, channel) = with([pushback]);
    call(&channel).await.unwrap();
    let seen = server.seen();
    assert_eq!((seen[1].at - seen[0].at).as_secs(), 5);
    for never in [
        Answer::Status(Code::Unavailable, &[("grpc-retry-pushback-ms", "-1")]),
        Answer::Status(Code::Unavailable, &[("grpc-retry-pushback-ms", "later")]),
    ] {
        let (_net, server, channel) = with([never]);
        call(&channel).await.unwrap_err();
        assert_eq!(server.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_in_trouble_is_left_alone() {
    let net = Net::default();
    let server = Scripted::start(&net, addr(1), vec![UNAVAILABLE; 14]);
    let throttling = r#""retryThrottling": {"maxTokens": 10, "tokenRatio": 1},"#;
    let channel = builder(&net)
        .default_service_config(config(throttling))
        .build()
        .unwrap();
    // Four attempts; then the fifth failure leaves 5 of 10 tokens.
    call(&channel).await.unwrap_err();
    assert_eq!(server.calls(), 4);
    for calls in 5..=14 {
        call(&channel).await.unwrap_err();
        assert_eq!(server.calls(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn successes_allow_retries_again() {
    let net = Net::default();
    let mut answers = vec![UNAVAILABLE; 4];
    answers.extend([Answer::Ok, Answer::Ok, UNAVAILABLE]);
    answers.extend(vec![Answer::Ok; 5]);
    answers.push(UNAVAILABLE);
    let server = Scripted::start(&net, addr(1), answers);
    let throttling = r#""retryThrottling": {"maxTokens": 4, "tokenRatio": 1},"#;
    let channel = builder(&net)
        .default_service_config(config(throttling))
        .build()
        .unwrap();
    // 4 tokens: the second failure leaves two, which is half; then one, then none.
    for calls in [2, 3, 4] {
        call(&channel).await.unwrap_err();
        assert_eq!(server.calls(), calls);
    }
    // Two more, and one less: not enough.
    for _ in 0..2 {
        call(&channel).await.unwrap();
    }
    call(&channel).await.unwrap_err();
    assert_eq!(server.calls(), 7);
    // Four at most, and one less.
    for _ in 0..5 {
        call(&channel).await.unwrap();
    }
    call(&channel).await.unwrap();
    assert_eq!(
        previous_attempts(&server).last().unwrap().as_deref(),
        Some("1")
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_without_a_status_is_a_failure_to_the_service_too() {
    let net = Net::default();
    let unknown = Answer::Status(Code::Unknown, &[]);
    // Headers, rubbish and no trailers: UNKNOWN.
    let server = Scripted::start(&net, addr(1), [Answer::Http(200), unknown]);
    let throttling = r#""retryThrottling": {"maxTokens": 4, "tokenRatio": 1},"#;
    let channel = builder(&net)
        .default_service_config(config(throttling).replace("UNAVAILABLE", "UNKNOWN"))
        .build()
        .unwrap();
    call(&channel).await.unwrap_err();
    // Two of four tokens are left.
    call(&channel).await.unwrap_err();
    assert_eq!(server.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_that_of_all_attempts_and_each_is_told_what_is_left() {
    let pushback = Answer::Status(Code::Unavailable, &[("grpc-retry-pushback-ms", "2000")]);
    let (_net, server, channel) = with(vec![pushback; 4]);
    let began = Instant::now();
    let limit = |request: &mut tonic::Request<_>| request.set_timeout(Duration::from_secs(5));
    let status = call_with(&channel, limit).await.unwrap_err();
    assert_eq!(began.elapsed().as_secs(), 5);
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(
        status.message(),
        "no success within 5.0s: waiting to try again after 10.0.0.1:1: Unavailable"
    );
    let seen = server.seen();
    let told: Vec<_> = seen
        .iter()
        .map(|seen| seen.headers["grpc-timeout"].clone())
        .collect();
    assert_eq!(told.len(), 3);
    assert_eq!(told[1..], ["3000m", "1000m"]);
}

#[tokio::test(start_paused = true)]
async fn giving_up_on_a_call_that_waits_to_be_tried_again_ends_it() {
    let (_net, server, channel) = with([UNAVAILABLE]);
    let call = tokio::time::timeout(Duration::from_millis(20), call(&channel));
    assert!(call.await.is_err());
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(server.calls(), 1);
}

/// A request of messages of 10 kB each, as many as this.
async fn stream_of(channel: &Channel, messages: usize) -> Result<(), Status> {
    use lookaside_proto::demo::{EchoRequest, EchoResponse};
    let message = EchoRequest {
        message: "x".repeat(10_000),
    };
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<EchoRequest, EchoResponse>::default();
    let path = http::uri::PathAndQuery::from_static("/a.B/C");
    let messages = tokio_stream::iter(vec![message; messages]);
    let request = tonic::Request::new(messages);
    let response = client.client_streaming(request, path, codec).await;
    response.map(|_| ())
}

#[tokio::test(start_paused = true)]
async fn a_request_of_many_messages_is_made_again_whole() {
    let (_net, server, channel) = with([UNAVAILABLE, Answer::Early(Code::Unavailable)]);
    stream_of(&channel, 20).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0].body, seen[2].body);
    assert!(seen[2].body > Some(200_000));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_more_than_is_kept_is_final() {
    let (_net, server, channel) = with([UNAVAILABLE]);
    let status = stream_of(&channel, 30).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(server.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_attempts_stream_is_not_left_open() {
    let (_net, server, channel) = with([Answer::Early(Code::Unavailable)]);
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let message = lookaside_proto::lb::LoadBalanceRequest::default();
    sender.send(message.clone()).await.unwrap();
    let messages = support::calls::Receiver(receiver);
    let mut client =
        lookaside_proto::lb::load_balancer_client::LoadBalancerClient::new(channel.clone());
    let open = tokio::spawn(async move { client.balance_load(messages).await });
    support::eventually("the second attempt", async || server.calls() == 2).await;
    // Though its server never said that it need not go on.
    support::eventually("the first one's end", async || server.seen()[0].broke).await;
    drop(sender);
    open.await.unwrap().unwrap();
    assert!(server.seen()[1].body.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_drop_is_final_and_every_attempt_is_reported() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let server_ = Scripted::start(&net, addr(1), []);
    let channel = Channel::builder("orders")
        .balancers([text(100)])
        .connector(net.clone())
        .default_service_config(config(""))
        .build()
        .unwrap();
    let mut stream = balancer.raw_stream().await;
    stream.name().await;
    stream.initial(Some(Duration::from_secs(1)));
    stream.list([server(addr(1), "a")]);
    patient_call(&channel).await.unwrap();
    stream.list([drop_entry("overload"), drop_entry("overload")]);
    support::eventually("drops", async || call(&channel).await.is_err()).await;
    let began = Instant::now();
    let status = call(&channel).await.unwrap_err();
    assert_eq!(status.message(), "call dropped by the balancer (overload)");
    assert_eq!(began.elapsed(), Duration::ZERO, "not tried again");
    drop(server_);

    // A call in three attempts.
    let flaky = Scripted::start(&net, addr(2), [UNAVAILABLE, UNAVAILABLE]);
    loop {
        let report = stream.report().await.unwrap();
        if report.num_calls_started == 0 && report.num_calls_finished == 0 {
            break;
        }
    }
    stream.list([server(addr(2), "b")]);
    support::eventually("the new list", async || {
        channel.state() == ConnectivityState::Ready && net.connects(addr(2)) == 1
    })
    .await;
    call(&channel).await.unwrap();
    assert_eq!(flaky.calls(), 3);
    let (mut started, mut finished, mut received) = (0, 0, 0);
    loop {
        let report = stream.report().await.unwrap();
        started += report.num_calls_started;
        finished += report.num_calls_finished;
        received += report.num_calls_finished_known_received;
        if report.num_calls_started == 0 && report.num_calls_finished == 0 {
            break;
        }
    }
    assert_eq!((started, finished, received), (3, 3, 3));
}
