//! Reaching a balancer, by which name, and calls through it.

mod secure;
mod sockets;

use std::time::Duration;

use lookaside_client::{Address, Mode, ResolverUpdate};
use tonic::Code;

use crate::{
    support::{
        addr,
        balancer::Balancer,
        calls::{call, call_with, spread},
    },
    world::{BALANCER, FALLBACK, SECOND, World, list, number},
};

#[tokio::test(start_paused = true)]
async fn a_backend_is_reached_through_the_balancer_which_sees_the_name_and_the_user_agent() {
    let mut world = World::with(1, |builder| builder.user_agent("shop/2"));
    let mut stream = world.balancer().raw_stream().await;
    assert_eq!(stream.name().await, "orders");
    let agent = stream.headers["user-agent"].to_str().unwrap().to_owned();
    assert!(agent.starts_with("shop/2 lookaside-client/"), "{agent}");
    stream.initial(None);
    stream.list(list("1a"));
    assert_eq!(world.answered_by().await, 1);
    let headers = world.backend(1).handler.headers.lock().unwrap();
    assert_eq!(headers[0]["lb-token"], "a");
    assert_eq!(headers[0]["user-agent"], agent.as_str());
}

#[tokio::test(start_paused = true)]
async fn three_backends_share_the_calls_exactly_after_one_request_and_one_list() {
    let mut world = World::new(3);
    let mut stream = world.working(&list("1a 2b 3c")).await;
    let counts = spread(&world.channel, 300).await;
    let counts: Vec<_> = counts
        .into_iter()
        .map(|((backend, token), n)| (number(&backend), token, n))
        .collect();
    let expected = [(1, "a", 100), (2, "b", 100), (3, "c", 100)];
    assert_eq!(
        counts,
        expected.map(|(n, token, calls)| (n, token.to_owned(), calls))
    );
    assert_eq!(world.channel.mode(), Mode::Balancer);
    // One stream, and nothing more on it.
    assert!(world.balancer().try_stream().is_none());
    let more = tokio::time::timeout(Duration::from_secs(60), stream.report());
    assert!(more.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_stream_has_nothing_to_do_with_the_call_that_was_made_first() {
    let mut world = World::new(1);
    let first = tokio::spawn({
        let channel = world.channel.clone();
        async move {
            call_with(&channel, |request| {
                request.set_timeout(Duration::from_secs(60));
                let metadata = request.metadata_mut();
                metadata.insert("authorization", "secret".parse().unwrap());
            })
            .await
        }
    });
    let stream = world.stream().await;
    for name in ["grpc-timeout", "authorization"] {
        assert!(!stream.headers.contains_key(name), "{name}");
    }
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    tokio::time::sleep(Duration::from_secs(5)).await;
    stream.list(list("1a"));
    world.uses("a").await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    stream.list(list("1b"));
    world.uses("b").await;
    assert!(world.balancer().try_stream().is_none());
}

#[tokio::test(start_paused = true)]
async fn every_balancer_is_called_by_its_own_name_and_backends_by_the_channels() {
    let mut world = World::new(1);
    let mut second = Balancer::start(&world.net, addr(SECOND));
    let named = |n: u8, name: &str| Address::new(addr(n)).with_authority(name.parse().unwrap());
    let balancers = vec![
        named(BALANCER, "lb1.example.com"),
        named(SECOND, "lb2.example.com:7400"),
    ];
    let update = ResolverUpdate::new(vec![Address::new(addr(FALLBACK))]);
    world.resolver.set(update.with_balancers(balancers));
    let stream = world.stream().await;
    assert_eq!(stream.authority, "lb1.example.com");
    stream.list(list("1a"));
    world.uses("a").await;
    world.stop_balancer();
    assert_eq!(second.stream().await.authority, "lb2.example.com:7400");
    world.token().await;
    let authorities = world.backend(1).handler.authorities.lock().unwrap();
    assert!(
        authorities.iter().all(|name| name == "orders"),
        "{authorities:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_backends_own_status_passes_untouched() {
    let mut world = World::new(1);
    let _stream = world.working(&list("1a")).await;
    let status = call_with(&world.channel, |request| {
        request.get_mut().message = "fail".into();
    })
    .await
    .unwrap_err();
    assert_eq!(status.code(), Code::DataLoss);
    assert_eq!(status.message(), "as asked");
    call(&world.channel).await.unwrap();
}
