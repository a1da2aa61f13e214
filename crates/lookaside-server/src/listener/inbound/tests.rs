use super::*;

/// A PING frame, after what opens a connection.
const PING: [u8; 17] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];

fn begun(per_second: u32, now: Instant) -> Inbound {
    let mut inbound = Inbound::new(per_second, now);
    inbound.read(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", now);
    assert!(!inbound.has_begun());
    inbound.read(&[0, 0, 0, 4, 0, 0, 0, 0, 0], now);
    assert!(inbound.has_begun());
    inbound
}

#[test]
fn a_flood_is_read_at_the_rate_and_no_faster() {
    let start = Instant::now();
    let mut inbound = begun(100, start);
    let mut now = start;
    let mut read = 0;
    while now < start + Duration::from_secs(10) {
        read += 1;
        now = inbound.read(&PING, now).unwrap_or(now);
    }
    assert!((1090..=1100).contains(&read), "{read}");
}

#[test]
fn a_burst_costs_no_time_and_rest_makes_up_for_it() {
    let start = Instant::now();
    let mut inbound = begun(100, start);
    for second in 0..10 {
        let now = start + Duration::from_secs(second);
        for _ in 0..90 {
            assert_eq!(inbound.read(&PING, now), None);
        }
    }
}

#[test]
fn zero_is_no_limit() {
    let now = Instant::now();
    let mut inbound = begun(0, now);
    assert!((0..100_000).all(|_| inbound.read(&PING, now).is_none()));
}
