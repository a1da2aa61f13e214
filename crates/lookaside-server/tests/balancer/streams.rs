use std::{collections::BTreeSet, time::Duration};

use lookaside_core::{Drop, Drops, Settings, rotation::MAX_ROTATIONS};
use lookaside_proto::lb::{
    ClientStats, ClientStatsPerToken, InitialLoadBalanceRequest, Server,
    load_balance_request::LoadBalanceRequestType as Ask,
};
use tokio::time::{Instant, sleep, timeout};
use tonic::Code;

use crate::kit::{Fixture, MERGED, backend, first_token, framed};

const LONG: Duration = Duration::from_secs(3600);

fn fallback() -> Settings {
    let mut settings = Settings::default();
    settings.fallback = true;
    settings
}

fn drops(category: &str, per_million: u32) -> Settings {
    let mut settings = Settings::default();
    let drop = Drop {
        category: category.into(),
        per_million,
    };
    settings.drops = Drops::new([drop]).unwrap();
    settings
}

fn bare(list: &[Server]) -> Vec<(i32, String)> {
    list.iter()
        .map(|it| {
            let token = lookaside_core::strip_variant(&it.load_balance_token);
            (it.port, token.to_owned())
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_stream_gets_an_initial_response_and_the_list_at_once_and_then_every_change() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    sleep(MERGED).await;
    let started = Instant::now();
    let mut stream = fixture.stream("orders").await;
    assert_eq!(stream.first_ports().await, [1]);
    fixture.registry.set("orders", [backend(1), backend(2)]);
    assert_eq!(stream.ports().await, [1, 2]);
    assert_eq!(started.elapsed(), Duration::ZERO);
    timeout(LONG, stream.next())
        .await
        .expect_err("nothing changed, nothing to say");
}

#[tokio::test(start_paused = true)]
async fn a_list_has_every_backend_by_its_weight_with_addresses_and_tokens() {
    let fixture = Fixture::new().await;
    let mut heavy = backend(2);
    heavy.weight = 2;
    fixture.registry.set("orders", [backend(1), heavy]);
    let mut stream = fixture.stream("orders").await;
    stream.initial().await;
    let list = stream.list().await;
    let slots = |port| list.iter().filter(|it| it.port == port).count();
    assert_eq!((slots(1), slots(2), list.len()), (1, 2, 3));
    assert!(list.iter().all(|it| it.ip_address == [10, 0, 0, 1]));
    assert!(list.iter().all(|it| !it.drop));
    let tokens: BTreeSet<_> = bare(&list).into_iter().collect();
    assert_eq!(tokens.len(), 2, "{tokens:?}");
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_changes_is_one_list() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    sleep(MERGED).await;
    let mut stream = fixture.stream("orders").await;
    assert_eq!(stream.first_ports().await, [1]);
    let started = Instant::now();
    for last in 2..=20 {
        fixture.registry.set("orders", (1..=last).map(backend));
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(stream.ports().await, [1, 2], "the first at once");
    assert_eq!(stream.ports().await.len(), 20);
    let took = started.elapsed().as_millis();
    assert!((270..=290).contains(&took), "100 ms after the last: {took}");
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_difference_to_clients_is_not_sent() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1), backend(2)]);
    let mut stream = fixture.stream("orders").await;
    stream.first_ports().await;
    sleep(MERGED).await;
    let same = |port| {
        let mut backend = backend(port);
        backend.weight = 7;
        backend.revision = 9;
        backend
    };
    fixture.registry.set("orders", [same(1), same(2)]);
    fixture.registry.set("users", [backend(3)]);
    timeout(LONG, stream.next()).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn every_new_streams_first_list_differs_from_the_one_before() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        let mut stream = fixture.stream("orders").await;
        stream.initial().await;
        let (bare, token) = first_token(&stream.list().await);
        assert_eq!(token.len(), bare.len() + 4);
        seen.insert(token);
    }
    // Three random characters: 20 draws out of 262,144 are nearly always distinct, and
    // never two.
    assert!(seen.len() > 17, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn streams_start_at_different_slots_and_move_on_with_every_push() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", (1..=32).map(backend));
    let mut streams = Vec::new();
    let mut in_order = Vec::new();
    for _ in 0..MAX_ROTATIONS {
        let mut stream = fixture.stream("orders").await;
        stream.initial().await;
        in_order.push(stream.list().await.swap_remove(0));
        streams.push(stream);
    }
    let firsts: BTreeSet<_> = in_order.iter().map(|it| it.port).collect();
    assert_eq!(firsts.len(), MAX_ROTATIONS);

    sleep(MERGED).await;
    fixture.registry.set("orders", (1..=33).map(backend));
    let mut moved = BTreeSet::new();
    for (stream, first) in streams.iter_mut().zip(&in_order) {
        let list = stream.list().await;
        assert_eq!(list.len(), 33);
        assert_ne!(
            list[0].port, first.port,
            "this stream began there last time"
        );
        assert_eq!(variant(&list[0]), variant(first), "its variant stays");
        moved.insert(list[0].port);
    }
    assert_eq!(moved.len(), MAX_ROTATIONS, "still spread");
}

fn variant(first: &Server) -> &str {
    first.load_balance_token.rsplit_once('.').unwrap().1
}

#[tokio::test(start_paused = true)]
async fn a_service_falls_back_and_returns_with_a_list_unlike_the_last() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    let mut stream = fixture.stream("orders").await;
    stream.initial().await;
    let before = stream.list().await;
    sleep(MERGED).await;
    fixture.registry.set_settings("orders", fallback());
    stream.fallback().await;
    sleep(MERGED).await;
    fixture.registry.set_settings("orders", Settings::default());
    let after = stream.list().await;
    assert_eq!(bare(&after), bare(&before));
    assert_ne!(after, before);
    sleep(MERGED).await;
    fixture.registry.remove("orders");
    fixture.registry.set("orders", []);
    stream.fallback().await;

    let mut second = fixture.stream("orders").await;
    second.initial().await;
    second.fallback().await;
}

#[tokio::test(start_paused = true)]
async fn drops_are_slots_with_their_category() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    fixture
        .registry
        .set_settings("orders", drops("overload", 500_000));
    let mut stream = fixture.stream("orders").await;
    stream.initial().await;
    let list = stream.list().await;
    let dropped: Vec<_> = list.iter().filter(|it| it.drop).collect();
    assert_eq!(dropped.len() * 2, list.len());
    for drop in dropped {
        assert!(drop.load_balance_token.starts_with("overload"));
        assert!(drop.ip_address.is_empty() && drop.port == 0);
    }
}

#[tokio::test(start_paused = true)]
async fn half_close_ends_the_stream_with_ok_after_the_list() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    let mut stream = fixture.stream("orders").await;
    stream.half_close();
    assert_eq!(stream.first_ports().await, [1]);
    assert_eq!(stream.ended().await, (Code::Ok, String::new()));
}

#[tokio::test(start_paused = true)]
async fn a_second_initial_request_and_unknown_requests_change_nothing() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    fixture.registry.set("users", [backend(2)]);
    let mut stream = fixture.stream("orders").await;
    assert_eq!(stream.first_ports().await, [1]);
    stream.send(Ask::InitialRequest(InitialLoadBalanceRequest {
        name: "users".to_owned(),
    }));
    stream.send_raw(framed(&[0x3a, 0])); // field 7, of a later version
    stream.report(ClientStats::default());
    sleep(MERGED).await;
    fixture.registry.set("users", [backend(3)]);
    fixture.registry.set("orders", [backend(4)]);
    assert_eq!(stream.ports().await, [4]);
}

#[tokio::test(start_paused = true)]
async fn garbage_ends_the_stream_by_name() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    for (garbage, code, says) in [
        (
            framed(&[0xff]),
            Code::InvalidArgument,
            "no LoadBalanceRequest",
        ),
        (vec![7; 5].into(), Code::InvalidArgument, "flag byte 7"),
        (
            vec![1, 0, 0, 0, 0].into(),
            Code::Unimplemented,
            "compressed",
        ),
        (
            vec![0, 0, 1, 0, 1].into(),
            Code::ResourceExhausted,
            "65537 bytes",
        ),
    ] {
        let mut stream = fixture.stream("orders").await;
        assert_eq!(stream.first_ports().await, [1]);
        stream.send_raw(garbage);
        let (status, message) = stream.ended().await;
        assert_eq!(status, code);
        assert!(message.contains(says), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_begun_and_not_finished_in_time_ends_its_stream() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    let (mut slow, mut stuck) = (
        fixture.stream("orders").await,
        fixture.stream("orders").await,
    );
    for stream in [&mut slow, &mut stuck] {
        assert_eq!(stream.first_ports().await, [1]);
    }
    let started = Instant::now();
    let report = framed(&[]);
    slow.send_raw(report.slice(..2));
    stuck.send_raw(report.slice(..2));
    sleep(Duration::from_secs(20)).await;
    // That one has ended, and another one has begun.
    slow.send_raw([&report[2..], &report[..1]].concat().into());
    // However often it sends something.
    stuck.send_raw(report.slice(2..3));
    let (status, message) = timeout(LONG, stuck.ended()).await.unwrap();
    assert_eq!(started.elapsed(), Duration::from_secs(30));
    assert_eq!(status, Code::DeadlineExceeded);
    assert!(message.contains("30s"), "{message}");
    let metrics = fixture.metrics().await;
    assert!(
        metrics.contains("lookaside_streams_failed_total 1"),
        "{metrics}"
    );

    slow.send_raw(report.slice(1..));
    sleep(Duration::from_secs(60)).await;
    fixture.registry.set("orders", [backend(2)]);
    assert_eq!(slow.ports().await, [2]);
}

#[tokio::test(start_paused = true)]
async fn load_reports_are_summed_by_service() {
    let fixture = Fixture::new().await;
    fixture.registry.set("orders", [backend(1)]);
    fixture
        .registry
        .set_settings("orders", drops("overload", 10_000));
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut stream = fixture.stream("orders").await;
        stream.initial().await;
        let list = stream.list().await;
        let variant = variant(&list[0]);
        for calls in [3, 4] {
            stream.report(ClientStats {
                num_calls_started: calls,
                num_calls_finished: calls,
                num_calls_finished_known_received: calls - 1,
                num_calls_finished_with_client_failed_to_send: 0,
                calls_finished_with_drop: vec![ClientStatsPerToken {
                    load_balance_token: format!("overload.{variant}"),
                    num_calls: 1,
                }],
                timestamp: None,
            });
        }
        streams.push(stream);
    }
    let mut inspect = fixture.inspect().await;
    let reported = loop {
        let service = inspect.get("orders").await.unwrap();
        let reported = service.reported.unwrap();
        if reported.reports == 4 {
            break reported;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(reported.calls_started, 14);
    assert_eq!(reported.calls_finished, 14);
    assert_eq!(reported.calls_known_received, 10);
    assert_eq!(reported.dropped[0].category, "overload");
    assert_eq!(reported.dropped[0].calls, 4);
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_however_many_come_and_without_any_stream() {
    let fixture = Fixture::new().await;
    let mut client = fixture.connect().await;
    for _ in 0..1000 {
        client.ping().await;
    }
    for _ in 0..30 {
        sleep(Duration::from_secs(20)).await;
        client.ping().await;
    }
    fixture.registry.set("orders", [backend(1)]);
    assert_eq!(client.ask("orders").await.first_ports().await, [1]);
}

#[tokio::test(start_paused = true)]
async fn under_a_storm_of_changes_every_stream_keeps_up_and_every_list_is_whole() {
    const CHANGES: u16 = 15_000;
    // Every change replaces all backends, which a mass removal does, too.
    let fixture = Fixture::with(|config| config.lists.hold_down = Duration::ZERO).await;
    // Which backends there are says which change it was.
    let state = |n: u16| [backend(n), backend(n + 20_000), backend(n + 40_000)];
    fixture.registry.set("orders", state(1));
    let mut streams = Vec::new();
    for _ in 0..5 {
        streams.push(fixture.stream("orders").await);
    }
    for stream in &mut streams {
        assert_eq!(stream.first_ports().await, [1, 20_001, 40_001]);
    }
    sleep(Duration::from_secs(1)).await;
    let storm_began = Instant::now();
    let readers = streams.into_iter().map(|mut stream| {
        tokio::spawn(async move {
            let (mut last, mut gaps) = (storm_began, Vec::new());
            loop {
                let ports = stream.ports().await;
                let n = ports[0];
                assert_eq!(ports, [n, n + 20_000, n + 40_000], "of one revision");
                gaps.push(last.elapsed());
                last = Instant::now();
                if n == i32::from(CHANGES) {
                    return gaps;
                }
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    // Five thousand a second.
    for n in 2..=CHANGES {
        fixture.registry.set("orders", state(n));
        if n % 5 == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }
    for reader in readers {
        let gaps = timeout(Duration::from_secs(5), reader)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(gaps[0], Duration::ZERO, "the first goes out at once");
        let late = Duration::from_millis(1002);
        assert!(gaps.iter().all(|gap| *gap <= late), "{gaps:?}");
        assert!(gaps.len() <= 7, "and they are merged: {gaps:?}");
    }
}
