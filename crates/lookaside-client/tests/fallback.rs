//! Entering fallback and leaving it, over the wire. (Every rule has a test of its own
//! beside the state machine.)

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::time::Duration;

use lookaside_client::{Builder, Channel, Mode};
use support::{
    addr,
    backend::Backend,
    balancer::{Balancer, drop_entry, server},
    calls::{call, patient_call},
    net::Net,
    text,
};
use tokio::time::Instant;

const FALLBACK: u8 = 50;

fn builder(net: &Net) -> Builder {
    Channel::builder("orders")
        .balancers([text(100)])
        .fallback([text(FALLBACK)])
        .connector(net.clone())
}

async fn answered_by(channel: &Channel) -> String {
    patient_call(channel).await.unwrap().backend
}

#[tokio::test(start_paused = true)]
async fn unreachable_balancers_mean_fallback_at_once() {
    let net = Net::default();
    let backend = Backend::start(&net, addr(FALLBACK));
    let channel = builder(&net).build().unwrap();
    let began = Instant::now();
    let answer = call(&channel).await.unwrap();
    assert_eq!(answer.lb_token, "");
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(channel.mode(), Mode::Fallback);
    let headers = backend.handler.headers.lock().unwrap();
    assert!(!headers[0].contains_key("lb-token"));
}

#[tokio::test(start_paused = true)]
async fn a_black_hole_for_a_balancer_means_fallback_at_the_timeout() {
    let net = Net::default();
    let _silent = net.listen(addr(100));
    let _backend = Backend::start(&net, addr(FALLBACK));
    let channel = builder(&net).build().unwrap();
    let began = Instant::now();
    call(&channel).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_balancer_that_stays_silent_means_fallback_at_the_timeout() {
    for initial in [false, true] {
        let net = Net::default();
        let mut balancer = Balancer::start(&net, addr(100));
        let _backend = Backend::start(&net, addr(FALLBACK));
        let timeout = Duration::from_secs(3);
        let channel = builder(&net).fallback_timeout(timeout).build().unwrap();
        let began = Instant::now();
        let stream = balancer.raw_stream().await;
        if initial {
            stream.initial(None);
        }
        call(&channel).await.unwrap();
        assert_eq!(began.elapsed().as_secs(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_before_the_first_list_means_fallback_at_once() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backend = Backend::start(&net, addr(FALLBACK));
    let channel = builder(&net).build().unwrap();
    let began = Instant::now();
    let stream = balancer.raw_stream().await;
    stream.fail(tonic::Status::not_found("no such service"));
    call(&channel).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_list_at_last_is_followed_when_its_backends_are_ready() {
    let net = Net::default();
    let _fallback = Backend::start(&net, addr(FALLBACK));
    let channel = builder(&net).build().unwrap();
    assert_eq!(answered_by(&channel).await, "10.0.0.50");

    let mut balancer = Balancer::start(&net, addr(100));
    let stream = balancer.stream().await;
    let silent = net.listen(addr(1));
    stream.list([server(addr(1), "a")]);
    // Not connected yet: fallback goes on.
    for _ in 0..40 {
        assert_eq!(call(&channel).await.unwrap().backend, "10.0.0.50");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    drop(silent);
    let _backend = Backend::start(&net, addr(1));
    support::eventually("the list", async || {
        call(&channel).await.expect("no call fails").lb_token == "a"
    })
    .await;
    assert_eq!(channel.mode(), Mode::Balancer);
}

#[tokio::test(start_paused = true)]
async fn a_lost_balancer_changes_nothing_until_the_backends_are_lost_too() {
    let net = Net::default();
    let _fallback = Backend::start(&net, addr(FALLBACK));
    let mut balancer = Balancer::start(&net, addr(100));
    let backend = Backend::start(&net, addr(1));
    let channel = builder(&net).build().unwrap();
    let stream = balancer.stream().await;
    stream.list([server(addr(1), "a")]);
    patient_call(&channel).await.unwrap();

    drop((stream, balancer));
    for _ in 0..60 {
        assert_eq!(call(&channel).await.unwrap().lb_token, "a");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    drop(backend);
    channel.wait_for_mode_change(Mode::Balancer).await;
    assert_eq!(channel.mode(), Mode::Fallback);
    assert_eq!(answered_by(&channel).await, "10.0.0.50");

    // The backend alone does not end it, a list does: also the same one as before.
    let _backend = Backend::start(&net, addr(1));
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(answered_by(&channel).await, "10.0.0.50");
    let mut balancer = Balancer::start(&net, addr(100));
    let stream = balancer.stream().await;
    stream.list([server(addr(1), "a")]);
    support::eventually("the list", async || {
        call(&channel).await.expect("no call fails").lb_token == "a"
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn lost_backends_with_a_balancer_in_contact_are_no_reason_to_fall_back() {
    let net = Net::default();
    let _fallback = Backend::start(&net, addr(FALLBACK));
    let mut balancer = Balancer::start(&net, addr(100));
    let backend = Backend::start(&net, addr(1));
    let channel = builder(&net).build().unwrap();
    let stream = balancer.stream().await;
    stream.list([server(addr(1), "a")]);
    patient_call(&channel).await.unwrap();
    drop(backend);
    support::eventually("the channel notices", async || {
        call(&channel).await.is_err_and(|status| {
            status
                .message()
                .starts_with("no connection to 10.0.0.1:1: ")
        })
    })
    .await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(channel.mode(), Mode::Balancer);
    let _backend = Backend::start(&net, addr(1));
    patient_call(&channel).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_fallback_response_is_obeyed_and_ended_by_the_same_list() {
    let net = Net::default();
    let _fallback = Backend::start(&net, addr(FALLBACK));
    let mut balancer = Balancer::start(&net, addr(100));
    let _backend = Backend::start(&net, addr(1));
    let channel = builder(&net).build().unwrap();
    let stream = balancer.stream().await;
    for _ in 0..3 {
        stream.list([server(addr(1), "a")]);
        support::eventually("the list", async || {
            patient_call(&channel).await.unwrap().lb_token == "a"
        })
        .await;
        stream.fall_back();
        support::eventually("fallback", async || {
            call(&channel).await.expect("no call fails").backend == "10.0.0.50"
        })
        .await;
        assert_eq!(channel.mode(), Mode::Fallback);
    }
    assert_eq!(net.connects(addr(1)), 1, "the connections outlast it");
}

#[tokio::test(start_paused = true)]
async fn drops_alone_end_fallback_at_once() {
    let net = Net::default();
    let _fallback = Backend::start(&net, addr(FALLBACK));
    let mut balancer = Balancer::start(&net, addr(100));
    let channel = builder(&net).build().unwrap();
    let stream = balancer.stream().await;
    stream.fall_back();
    assert_eq!(answered_by(&channel).await, "10.0.0.50");
    stream.list([drop_entry("overload")]);
    support::eventually("drops", async || call(&channel).await.is_err()).await;
}

#[tokio::test(start_paused = true)]
async fn a_short_stream_with_a_list_does_not_end_in_fallback() {
    let net = Net::default();
    let _fallback = Backend::start(&net, addr(FALLBACK));
    let mut balancer = Balancer::start(&net, addr(100));
    let _backend = Backend::start(&net, addr(1));
    let channel = builder(&net).build().unwrap();
    let stream = balancer.stream().await;
    stream.list([server(addr(1), "a")]);
    // The list goes out first, then the end.
    stream.fail(tonic::Status::unavailable("bye"));
    assert_eq!(answered_by(&channel).await, "10.0.0.1");
    assert_eq!(net.connects(addr(FALLBACK)), 0);
}

#[tokio::test(start_paused = true)]
async fn fallback_without_fallback_addresses_says_so_and_why() {
    let net = Net::default();
    let channel = Channel::builder("orders")
        .balancers([text(100)])
        .connector(net.clone())
        .build()
        .unwrap();
    let status = call(&channel).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert_eq!(
        status.message(),
        "no balancer is reachable: no connection to 10.0.0.100:1: refused, and there are no \
         fallback addresses"
    );
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_fallback_names_itself_and_the_reason() {
    let net = Net::default();
    let channel = builder(&net).build().unwrap();
    let status = call(&channel).await.unwrap_err();
    assert_eq!(
        status.message(),
        "in fallback because no balancer is reachable: no connection to 10.0.0.100:1: refused: \
         no connection to 10.0.0.50:1: refused"
    );
}
