//! A balancer that does not keep to the protocol.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use lookaside_client::Mode;
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep},
};

use crate::{
    support::{addr, balancer::server},
    world::{BALANCER, FALLBACK, World, list},
};

/// A gRPC message of these bytes.
fn framed(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(5 + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap());
    frame.put_slice(message);
    frame.freeze()
}

/// What a stream gets: an initial response, a list of backend 1 with token `a`.
fn good_beginning() -> Bytes {
    let mut all = BytesMut::new();
    // initial_response {}, server_list { servers { 10.0.0.1, port 1, token "a" } }.
    all.put(framed(&[0x0a, 0x00]));
    let server = [0x0a, 4, 10, 0, 0, 1, 0x10, 1, 0x1a, 1, b'a'];
    let mut message = vec![0x12, server.len() as u8 + 2, 0x0a, server.len() as u8];
    message.extend(server);
    all.put(framed(&message));
    all.freeze()
}

/// A balancer that answers every stream with these bytes and keeps it open. Tells of each.
struct Babbler {
    streams: mpsc::UnboundedReceiver<()>,
    task: AbortHandle,
}

impl Drop for Babbler {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn babbler(world: &World, answer: Bytes) -> Babbler {
    let mut incoming = world.net.listen(addr(BALANCER));
    let (streams, seen) = mpsc::unbounded_channel();
    let task = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Some(io) = incoming.recv().await {
            let (streams, answer) = (streams.clone(), answer.clone());
            connections.spawn(async move {
                let mut connection = h2::server::handshake(io).await.unwrap();
                let mut open = Vec::new();
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    let response = http::Response::builder()
                        .header("content-type", "application/grpc")
                        .body(())
                        .unwrap();
                    let mut stream = respond.send_response(response, false).unwrap();
                    stream.send_data(answer.clone(), false).unwrap();
                    open.push((request, stream));
                    let _ = streams.send(());
                }
            });
        }
    });
    Babbler {
        streams: seen,
        task: task.abort_handle(),
    }
}

/// The C core crashes.
#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_message_end_the_stream_and_nothing_else() {
    let mut world = World::new(1);
    world.stop_balancer();
    let mut bytes = BytesMut::from(&good_beginning()[..]);
    bytes.put(framed(&[0xff; 16]));
    let mut babbler = babbler(&world, bytes.freeze());
    let began = Instant::now();
    // What came before it is used.
    world.uses("a").await;
    let mut opened = 0;
    while began.elapsed() < Duration::from_secs(30) {
        assert_eq!(world.token().await, "a");
        sleep(Duration::from_millis(50)).await;
        while babbler.streams.try_recv().is_ok() {
            opened += 1;
        }
    }
    assert!((2..20).contains(&opened), "{opened} streams in 30 s");
    assert_eq!(world.channel.mode(), Mode::Balancer);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_message_at_first_mean_fallback() {
    let mut world = World::new(1);
    world.stop_balancer();
    let babbler = babbler(&world, framed(&[0xff; 16]));
    assert_eq!(world.answered_by().await, FALLBACK);
    assert_eq!(world.channel.mode(), Mode::Fallback);
    // A better one takes its place.
    drop(babbler);
    world.start_balancer();
    let stream = world.stream().await;
    stream.list(list("1a"));
    world.uses("a").await;
}

/// All three end the stream, and open the next with no delay: more than is ever sent.
#[tokio::test(start_paused = true)]
async fn a_list_of_more_than_four_mebibytes_ends_its_stream_and_is_not_asked_for_in_a_loop() {
    let mut world = World::new(1);
    let stream = world.working(&list("1a")).await;
    let token = "x".repeat(49);
    let huge = || std::iter::repeat_n(server(addr(1), &token), 80_000);
    stream.list(huge());
    let began = Instant::now();
    let mut streams = 0;
    while began.elapsed() < Duration::from_secs(20) {
        let stream = world.stream().await;
        stream.list(huge());
        streams += 1;
        // The last list that could be read stays in force.
        assert_eq!(world.token().await, "a");
    }
    assert!(streams < 20, "{streams} streams in 20 s");
    // One that can be read is followed.
    let stream = world.stream().await;
    stream.list(list("1b"));
    world.uses("b").await;
    assert_eq!(world.net.connects(addr(1)), 1);
}
