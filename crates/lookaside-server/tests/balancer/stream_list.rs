use std::time::Duration;

use lookaside_proto::{
    lb::ClientStats,
    v1::{ListStreamsRequest, ListStreamsResponse},
};
use tokio::time::advance;
use tonic::{Code, Status};

use crate::kit::{Client, Fixture, Inspect, MERGED, backend};

impl Inspect {
    async fn streams(
        &mut self,
        request: ListStreamsRequest,
    ) -> Result<ListStreamsResponse, Status> {
        Ok(self.0.list_streams(request).await?.into_inner())
    }
}

fn of(service: &str) -> ListStreamsRequest {
    ListStreamsRequest {
        service: service.to_owned(),
        ..ListStreamsRequest::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_listed_with_what_it_was_sent_and_what_its_client_reports() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1), backend(2)]);
    fixture.registry.set("users", [backend(3)]);
    let mut first = fixture.stream("orders").await;
    first.first_ports().await;
    let mut second = fixture.stream("orders.:443").await;
    second.first_ports().await;
    let mut other = fixture.stream("users").await;
    other.first_ports().await;

    let mut inspect = fixture.inspect().await;
    let answer = inspect.streams(of("orders:443")).await.unwrap();
    assert_eq!((answer.total, answer.streams.len()), (2, 2));
    let [one, two] = &answer.streams[..] else {
        panic!("{answer:?}")
    };
    assert!(one.id < two.id);
    assert_eq!((&*one.state, &*one.plan), ("current", "slots"), "{one:?}");
    assert_eq!((one.plan_version, one.pushes, one.reports), (1, 1, 0));
    assert_eq!(one.reported_at, None);
    assert_ne!(one.rotation, two.rotation);
    let described = inspect.get("orders").await.unwrap();
    assert_eq!(one.revision, described.revision);

    advance(Duration::from_secs(75)).await;
    for started in [7, 5] {
        first.report(ClientStats {
            num_calls_started: started,
            ..ClientStats::default()
        });
    }
    advance(MERGED).await;
    fixture.registry.set("orders", [backend(1)]);
    first.ports().await;
    second.ports().await;
    let answer = inspect.streams(of("orders")).await.unwrap();
    let one = &answer.streams[0];
    assert_eq!((one.plan_version, one.pushes), (2, 2));
    assert_eq!((one.reports, one.calls_started), (2, 12));
    assert!(one.revision > described.revision, "{one:?}");
    assert!(one.age.is_some_and(|age| age.seconds >= 75), "{one:?}");
    assert!(one.sent_age.is_some_and(|age| age.seconds < 5), "{one:?}");
    assert!(one.reported_at.is_some());

    drop(first);
    let mut open = async || {
        let answer = inspect.streams(of("")).await.unwrap();
        answer
            .streams
            .iter()
            .map(|it| it.service.clone())
            .collect::<Vec<_>>()
    };
    for _ in 0..100 {
        if open().await == ["orders", "users"] {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{:?}", open().await);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_behind_and_then_stuck() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    // Its window has room for the beginning of a list.
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(20);
    let client = Client::connect_with(&fixture.balancer, &builder).await;
    let _stuck = client.ask("orders").await;
    let mut reading = fixture.stream("orders").await;
    reading.first_ports().await;

    let mut inspect = fixture.inspect().await;
    let behind = ListStreamsRequest {
        behind: true,
        ..of("orders")
    };
    let answer = inspect.streams(behind.clone()).await.unwrap();
    assert_eq!(answer.total, 1);
    let stuck = &answer.streams[0];
    assert_eq!((&*stuck.state, stuck.plan_version), ("sending", 1));
    assert!(stuck.unread_bytes > 0);

    fixture.registry.set("orders", [backend(1), backend(2)]);
    reading.ports().await;
    let answer = inspect.streams(behind.clone()).await.unwrap();
    let stuck = &answer.streams[0];
    assert_eq!((&*stuck.state, stuck.plan_version), ("pending", 1));
    assert!(stuck.reason.contains("the newest waits"), "{stuck:?}");

    advance(Duration::from_secs(6)).await;
    let answer = inspect.streams(behind).await.unwrap();
    let stuck = &answer.streams[0];
    assert_eq!(stuck.state, "stuck", "{stuck:?}");
    assert!(stuck.reason.contains("6 s"), "{stuck:?}");
    let all = inspect.streams(of("orders")).await.unwrap();
    assert_eq!(all.total, 2);
}

#[tokio::test(start_paused = true)]
async fn a_page_ends_where_it_was_told_to_and_the_next_goes_on() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    let mut streams = Vec::new();
    for _ in 0..5 {
        let mut stream = fixture.stream("orders").await;
        stream.first_ports().await;
        streams.push(stream);
    }
    let mut inspect = fixture.inspect().await;
    let mut request = ListStreamsRequest { limit: 2, ..of("") };
    let mut sizes = Vec::new();
    loop {
        let page = inspect.streams(request.clone()).await.unwrap();
        assert_eq!(page.total, 5);
        sizes.push(page.streams.len());
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(sizes, [2, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_listed_is_refused_by_its_name() {
    let fixture = Fixture::new().await;
    let mut inspect = fixture.inspect().await;
    let status = inspect.streams(of("nobody")).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert!(status.message().contains("nobody"), "{status}");
    let request = ListStreamsRequest {
        peer: "somewhere".to_owned(),
        ..of("")
    };
    let status = inspect.streams(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("somewhere"), "{status}");
}
