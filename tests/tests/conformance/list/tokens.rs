//! The `lb-token` of a call.

use tonic::Request;

use lookaside_proto::demo::EchoRequest;

use super::goes_round;
use crate::{
    support::calls::call_with,
    world::{World, list},
};

fn with_metadata(request: &mut Request<EchoRequest>) {
    let metadata = request.metadata_mut();
    metadata.insert("lb-token", "stale".parse().unwrap());
    metadata.insert("customer", "7".parse().unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_token_of_the_entry_takes_the_place_of_a_stale_one_entry_by_entry() {
    let mut world = World::new(2);
    let _stream = world.working(&list("1a 2b 1c")).await;
    let mut seen = String::new();
    for _ in 0..12 {
        let answer = call_with(&world.channel, with_metadata).await.unwrap();
        seen.push_str(&answer.lb_token);
    }
    assert!(goes_round(&seen, "abc"), "{seen}");
    for n in [1, 2] {
        for headers in &*world.backend(n).handler.headers.lock().unwrap() {
            assert_eq!(headers.get_all("lb-token").iter().count(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_added_to_the_callers_own_metadata() {
    let mut world = World::new(1);
    let _stream = world.working(&list("1token0001")).await;
    call_with(&world.channel, with_metadata).await.unwrap();
    let headers = world.backend(1).handler.headers.lock().unwrap();
    assert_eq!(headers[0]["lb-token"], "token0001");
    assert_eq!(headers[0]["customer"], "7");
}

#[tokio::test(start_paused = true)]
async fn without_a_token_there_is_no_header_not_even_the_callers_own() {
    let mut world = World::new(1);
    let _stream = world.working(&list("1")).await;
    call_with(&world.channel, with_metadata).await.unwrap();
    let headers = world.backend(1).handler.headers.lock().unwrap();
    assert!(!headers[0].contains_key("lb-token"));
    assert_eq!(headers[0]["customer"], "7");
}
