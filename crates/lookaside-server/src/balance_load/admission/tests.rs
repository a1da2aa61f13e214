use super::*;
use crate::access::Peer;

fn admission(limits: Limits) -> Arc<Admission> {
    let admission = Arc::new(Admission::new(limits, Duration::from_secs(3)));
    tokio::spawn(Arc::clone(&admission).run());
    admission
}

fn connection(peer: [u8; 4]) -> Arc<Connection> {
    Arc::new(Connection::new(Peer::anyone(peer), None))
}

fn name(i: usize) -> ServiceName {
    ServiceName::new(&format!("s{i}")).unwrap()
}

async fn admit(
    admission: &Arc<Admission>,
    connection: &Arc<Connection>,
    n: usize,
) -> Result<Vec<Permit>, String> {
    let mut permits = Vec::new();
    for i in 0..n {
        match admission.admit(connection, &name(i)).await {
            Ok(permit) => permits.push(permit),
            Err(Refusal { reason, status }) => {
                assert_eq!(status.code(), tonic::Code::ResourceExhausted);
                return Err(format!("{i}: {reason:?}: {}", status.message()));
            }
        }
    }
    Ok(permits)
}

#[tokio::test(start_paused = true)]
async fn each_limit_refuses_by_name_and_a_stream_that_ends_makes_room() {
    let limits = |set: fn(&mut Limits)| {
        let mut limits = Limits::default();
        set(&mut limits);
        limits
    };
    for (limits, says) in [
        (limits(|l| l.streams = 2), "this balancer has 2 streams"),
        (
            limits(|l| l.streams_per_connection = 2),
            "this connection has 2 streams",
        ),
        (limits(|l| l.streams_per_peer = 2), "this address has 2"),
    ] {
        let admission = admission(limits);
        let connection = connection([10, 0, 0, 1]);
        let mut permits = admit(&admission, &connection, 2).await.unwrap();
        let refusal = admit(&admission, &connection, 1).await.unwrap_err();
        assert!(refusal.contains(says), "{refusal}");
        permits.pop();
        permits.extend(admit(&admission, &connection, 1).await.unwrap());
        drop(permits);
        assert_eq!(admission.streams(), 0);
        assert_eq!(connection.streams().load(Relaxed), 0);
        assert!(admission.peers.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn zero_is_no_limit() {
    let admission = admission(Limits {
        streams: 0,
        streams_per_connection: 0,
        streams_per_peer: 0,
        new_streams_per_second: 0,
        streams_per_second_per_name: 0,
        connections: 0,
        connections_per_peer: 0,
    });
    let connection = connection([10, 0, 0, 1]);
    let mut permits = admit(&admission, &connection, 200).await.unwrap();
    permits.extend(admit(&admission, &connection, 200).await.unwrap());
    assert_eq!(admission.streams(), 400);
}

#[tokio::test(start_paused = true)]
async fn a_crowd_is_paced_and_the_end_of_a_long_queue_refused() {
    let admission = admission(Limits {
        new_streams_per_second: 10,
        ..Limits::default()
    });
    let started = Instant::now();
    let crowd: Vec<_> = (0..50)
        .map(|i| {
            let admission = Arc::clone(&admission);
            tokio::spawn(async move {
                let peer = connection([10, 0, 0, i]);
                let admitted = admission.admit(&peer, &name(0)).await.is_ok();
                (admitted, started.elapsed())
            })
        })
        .collect();
    let mut waits = Vec::new();
    let mut refused = 0;
    for stream in crowd {
        match stream.await.unwrap() {
            (true, wait) => waits.push(wait),
            (false, wait) => {
                refused += 1;
                assert!(wait < Duration::from_millis(10), "at once");
            }
        }
    }
    assert_eq!(refused, 50 - 10 - 30);
    let at_once = waits.iter().filter(|wait| wait.as_millis() < 10).count();
    assert_eq!(at_once, 10);
    assert!(
        waits
            .iter()
            .all(|wait| *wait <= Duration::from_millis(3010))
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reopens_without_delay_is_refused() {
    let admission = admission(Limits::default());
    let connection = connection([10, 0, 0, 1]);
    for _ in 0..3 {
        admission.admit(&connection, &name(0)).await.unwrap();
    }
    let refusal = admission.admit(&connection, &name(0)).await.unwrap_err();
    assert_eq!(refusal.reason, Reason::Reopened);
    let message = refusal.status.message();
    assert!(message.contains("more than 3 streams for s0"));
    assert_eq!(admission.streams(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_asks_for_thousands_delays_no_other() {
    let admission = admission(Limits {
        new_streams_per_second: 10,
        streams_per_connection: 0,
        ..Limits::default()
    });
    let greedy = connection([10, 0, 0, 1]);
    let flood: Vec<_> = (0..1000)
        .map(|i| {
            let (admission, greedy) = (Arc::clone(&admission), Arc::clone(&greedy));
            tokio::spawn(async move { admission.admit(&greedy, &name(i)).await.is_ok() })
        })
        .collect();
    // What there was is gone, and the queue is full.
    tokio::time::sleep(Duration::from_millis(1)).await;
    for i in 0..10 {
        let started = Instant::now();
        let modest = connection([10, 0, 1, i]);
        admission.admit(&modest, &name(0)).await.unwrap();
        let waited = started.elapsed();
        assert!(waited <= Duration::from_millis(101), "{waited:?}");
    }
    let mut admitted = 0;
    for stream in flood {
        admitted += usize::from(stream.await.unwrap());
    }
    assert!((10..=45).contains(&admitted), "{admitted}");
    assert!(admission.pace().is_idle());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_gone_before_its_turn_leaves_nothing_behind() {
    let admission = admission(Limits {
        new_streams_per_second: 1,
        ..Limits::default()
    });
    let connection = connection([10, 0, 0, 1]);
    let _first = admission.admit(&connection, &name(0)).await.unwrap();
    let second = name(1);
    let waits = admission.admit(&connection, &second);
    timeout(Duration::from_millis(10), waits).await.unwrap_err();
    assert!(admission.pace().is_idle());
    assert_eq!(admission.streams(), 1);
    assert_eq!(connection.streams().load(Relaxed), 1);
}
