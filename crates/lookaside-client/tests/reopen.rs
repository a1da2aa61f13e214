//! How often a balancer is asked that ends each stream at once: the bar is under twenty a
//! second after the first second. Stock clients that have seen an initial response reopen
//! with no delay at all.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::time::Duration;

use lookaside_client::Channel;
use support::{
    addr,
    backend::Backend,
    balancer::{Balancer, BalancerStream, server},
    calls::patient_call,
    net::Net,
    text,
};
use tokio::time::{Instant, timeout_at};
use tonic::Status;

const SECONDS: usize = 60;

fn channel(net: &Net) -> Channel {
    let builder = Channel::builder("orders").balancers([text(100)]);
    builder.connector(net.clone()).build().unwrap()
}

/// The streams of each second of a minute, each of which is answered so.
async fn per_second(balancer: &mut Balancer, answer: impl Fn(BalancerStream)) -> Vec<usize> {
    let began = Instant::now();
    let end = began + Duration::from_secs(SECONDS as u64);
    let mut streams = vec![0; SECONDS];
    while let Ok(mut stream) = timeout_at(end, balancer.raw_stream()).await {
        let second = usize::try_from(began.elapsed().as_secs()).unwrap();
        streams[second.min(SECONDS - 1)] += 1;
        stream.name().await;
        answer(stream);
    }
    streams
}

/// The waits are 125 ms × 1.6, up to 10 s, each a fifth more or less: four streams in the
/// first second, ten within 22.7 s, and one every 10 s from then on.
#[track_caller]
fn assert_backs_off(streams: &[usize]) {
    assert!((3..=6).contains(&streams[0]), "{streams:?}");
    assert!(
        streams[1..].iter().all(|second| *second <= 2),
        "{streams:?}"
    );
    let minute: usize = streams.iter().sum();
    assert!((12..=17).contains(&minute), "{minute}: {streams:?}");
    let late = &streams[SECONDS / 2..];
    assert!(late.iter().sum::<usize>() <= 4, "{streams:?}");
}

#[tokio::test(start_paused = true)]
async fn a_balancer_that_closes_after_its_initial_response_is_asked_fifteen_times_a_minute() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _channel = channel(&net);
    let streams = per_second(&mut balancer, |stream| {
        stream.initial(None);
        stream.fail(Status::unavailable("bye"));
    });
    assert_backs_off(&streams.await);
}

#[tokio::test(start_paused = true)]
async fn a_balancer_that_closes_after_its_list_is_asked_as_seldom_and_its_list_is_used() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backend = Backend::start(&net, addr(1));
    let channel = channel(&net);
    let call = tokio::spawn({
        let channel = channel.clone();
        async move { patient_call(&channel).await.unwrap().lb_token }
    });
    let streams = per_second(&mut balancer, |stream| {
        stream.initial(None);
        stream.list([server(addr(1), "a")]);
        // Dropped: it ends with OK.
    });
    assert_backs_off(&streams.await);
    assert_eq!(call.await.unwrap(), "a");
}

#[tokio::test(start_paused = true)]
async fn a_balancer_that_hangs_up_after_its_initial_response_is_asked_as_seldom() {
    let net = Net::default();
    let _channel = channel(&net);
    let began = Instant::now();
    let end = began + Duration::from_secs(SECONDS as u64);
    let mut streams = vec![0; SECONDS];
    loop {
        let mut balancer = Balancer::start(&net, addr(100));
        let Ok(mut stream) = timeout_at(end, balancer.raw_stream()).await else {
            break;
        };
        let second = usize::try_from(began.elapsed().as_secs()).unwrap();
        streams[second.min(SECONDS - 1)] += 1;
        stream.name().await;
        stream.initial(None);
        // The response is on its way before the connection is cut.
        tokio::time::sleep(Duration::from_millis(1)).await;
        drop(balancer);
    }
    assert!(streams[0] <= 6, "{streams:?}");
    assert!(
        streams[1..].iter().all(|second| *second <= 2),
        "{streams:?}"
    );
    let minute: usize = streams.iter().sum();
    assert!((5..=17).contains(&minute), "{minute}: {streams:?}");
    let connects = net.connects(addr(100));
    assert!(
        connects <= 40,
        "{connects} connections for {minute} streams"
    );
}
