//! What forty streaming calls are counted as.

use std::time::Duration;

use lookaside_client::Channel;
use lookaside_proto::lb::{LoadBalanceRequest, load_balancer_client::LoadBalancerClient};
use tonic::{Code, Request, Status, codegen::tokio_stream};

use super::{hasty::Hasty, sum::Sum};
use crate::{
    support::{addr, balancer::Balancer},
    world::{World, list},
};

const CALLS: i64 = 40;
const INTERVAL: Duration = Duration::from_secs(1);

/// A call with a stream in both directions, of which the backend ends its own after a
/// message. (The only streaming service at hand is the balancer's.)
async fn streaming_call(channel: &Channel, backend: &mut Balancer) -> Result<(), Status> {
    let requests = tokio_stream::pending::<LoadBalanceRequest>();
    let mut client = LoadBalancerClient::new(channel.clone());
    let mut responses = client.balance_load(requests).await?.into_inner();
    let far = backend.raw_stream().await;
    far.initial(None);
    drop(far);
    assert!(responses.message().await?.is_some());
    assert!(responses.message().await?.is_none());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn forty_streams_are_forty_started_finished_and_received() {
    let mut world = World::new(0);
    let mut backend = Balancer::start(&world.net, addr(1));
    let mut stream = world.reporting_stream(INTERVAL).await;
    stream.list(list("1a"));
    world.ready().await;
    for _ in 0..CALLS {
        streaming_call(&world.channel, &mut backend).await.unwrap();
    }
    assert_eq!(Sum::of(&mut stream).await, Sum::answered(CALLS));
}

#[tokio::test(start_paused = true)]
async fn forty_streams_half_of_which_are_dropped_name_the_drops_token() {
    let mut world = World::new(0);
    let mut backend = Balancer::start(&world.net, addr(1));
    let mut stream = world.reporting_stream(INTERVAL).await;
    stream.list(list("1a d:overload"));
    world.ready().await;
    for turn in 0..CALLS {
        let outcome = streaming_call(&world.channel, &mut backend).await;
        assert_eq!(outcome.is_err(), turn % 2 == 1);
    }
    let expected = Sum::answered(CALLS / 2).and_dropped("overload", CALLS / 2);
    assert_eq!(Sum::of(&mut stream).await, expected);
}

#[tokio::test(start_paused = true)]
async fn streams_that_were_picked_and_never_sent_are_counted_as_such() {
    let mut world = World::with(0, |builder| builder.child_policy(Hasty));
    let mut stream = world.reporting_stream(INTERVAL).await;
    stream.list(list("1a"));
    world.ready().await;
    for _ in 0..CALLS {
        let mut request = Request::new(tokio_stream::pending::<LoadBalanceRequest>());
        request.set_timeout(Duration::from_millis(10));
        let mut client = LoadBalancerClient::new(world.channel.clone());
        let status = client.balance_load(request).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
    }
    let expected = Sum::default().and_unsent(CALLS);
    assert_eq!(Sum::of(&mut stream).await, expected);
}
