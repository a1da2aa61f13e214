//! What a channel makes of what its resolver says.

mod support;

use std::time::Duration;

use lookaside_client::{
    Builder, Channel, Mode, ResolveError, ResolverRegistry, ResolverUpdate, Scheme, Target,
    TargetError, TargetResolver,
};
use support::{
    addr,
    backend::Backend,
    balancer::{Balancer, server},
    calls::{call, patient_call},
    net::Net,
    resolver::{Scripted, balancers, found},
};

fn failed() -> ResolverUpdate {
    ResolverUpdate::error(ResolveError::new("resolve orders: the name server is away"))
}

#[tokio::test(start_paused = true)]
async fn an_error_before_the_first_result_fails_calls_with_its_text() {
    let net = Net::default();
    let _backend = Backend::start(&net, addr(1));
    let resolver = Scripted::default();
    let channel = Channel::builder("orders")
        .resolver(resolver.clone())
        .connector(net.clone())
        .build()
        .unwrap();
    resolver.say(failed());
    let status = call(&channel).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert_eq!(status.message(), "resolve orders: the name server is away");
    let waiting = tokio::spawn({
        let channel = channel.clone();
        async move { patient_call(&channel).await }
    });
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!waiting.is_finished(), "it waits for ready");
    resolver.say(found(&[1]));
    waiting.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn addresses_that_are_gone_or_cannot_be_found_stay_in_use() {
    let net = Net::default();
    let _backends = [1, 2].map(|n| Backend::start(&net, addr(n)));
    let resolver = Scripted::default();
    let channel = Channel::builder("orders")
        .resolver(resolver.clone())
        .connector(net.clone())
        .build()
        .unwrap();
    resolver.say(found(&[1, 1]));
    patient_call(&channel).await.unwrap();
    for nothing in [found(&[]), failed(), found(&[])] {
        resolver.say(nothing);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(call(&channel).await.unwrap().backend, "10.0.0.1");
    }
    resolver.say(found(&[2]));
    support::eventually("the new address", async || {
        call(&channel).await.unwrap().backend == "10.0.0.2"
    })
    .await;
    assert_eq!(net.connects(addr(1)), 1);
}

/// `scripted:///SERVICE`.
#[derive(Debug)]
struct ScriptedScheme(Scripted);

impl Scheme for ScriptedScheme {
    fn name(&self) -> &str {
        "scripted"
    }

    fn resolver(&self, _: &Target) -> Result<TargetResolver, TargetError> {
        Ok(TargetResolver::new(self.0.clone()))
    }
}

fn scripted(net: &Net, resolver: &Scripted) -> Builder {
    let scheme = ScriptedScheme(resolver.clone());
    Channel::builder("scripted:///orders.example:443")
        .resolvers(ResolverRegistry::new().register(scheme))
        .connector(net.clone())
}

#[tokio::test(start_paused = true)]
async fn balancers_are_followed_from_when_on_they_are_named() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _first = Backend::start(&net, addr(1));
    let second = Backend::start(&net, addr(2));
    let resolver = Scripted::default();
    let channel = scripted(&net, &resolver).build().unwrap();
    resolver.say(found(&[1]));
    assert_eq!(patient_call(&channel).await.unwrap().backend, "10.0.0.1");
    assert_eq!(channel.mode(), Mode::Direct);

    resolver.say(found(&[1]).with_balancers(balancers(&[100])));
    let mut stream = balancer.raw_stream().await;
    assert_eq!(stream.name().await, "orders.example:443");
    // Until there is a list, calls go on as before.
    assert_eq!(call(&channel).await.unwrap().backend, "10.0.0.1");
    stream.initial(None);
    stream.list([server(addr(2), "a")]);
    support::eventually("the list is in force", async || {
        call(&channel).await.unwrap().lb_token == "a"
    })
    .await;
    assert_eq!(channel.mode(), Mode::Balancer);
    assert_eq!(net.connects(addr(1)), 1);

    // Gone: the last list holds while one of its backends does.
    resolver.say(found(&[1]));
    assert!(stream.report().await.is_none(), "the stream is closed");
    assert_eq!(call(&channel).await.unwrap().lb_token, "a");
    second.shut_down().await;
    assert_eq!(patient_call(&channel).await.unwrap().backend, "10.0.0.1");
    assert_eq!(channel.mode(), Mode::Fallback);
    // And back.
    let _second = Backend::start(&net, addr(2));
    resolver.say(found(&[1]).with_balancers(balancers(&[100])));
    let stream = balancer.stream().await;
    stream.list([server(addr(2), "b")]);
    support::eventually("the next list", async || {
        call(&channel).await.unwrap().lb_token == "b"
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_end_of_a_stream_and_balancers_that_cannot_be_reached_ask_the_resolver() {
    let net = Net::default();
    let mut balancer = Balancer::start(&net, addr(100));
    let _backend = Backend::start(&net, addr(1));
    let resolver = Scripted::default();
    let _channel = scripted(&net, &resolver).build().unwrap();
    resolver.say(found(&[]).with_balancers(balancers(&[100])));
    let stream = balancer.stream().await;
    stream.list([server(addr(1), "a")]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = resolver.wishes();
    stream.fail(tonic::Status::unavailable("bye"));
    support::eventually("asked", async || resolver.wishes() > before).await;
    let _stream = balancer.stream().await;
    let before = resolver.wishes();
    net.close(addr(100));
    drop((_stream, balancer));
    support::eventually("asked twice: stream and connection", async || {
        resolver.wishes() >= before + 2
    })
    .await;
}
