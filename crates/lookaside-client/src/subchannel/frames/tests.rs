use super::*;

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = len[1..].to_vec();
    bytes.extend([kind, flags, 0, 0, 0, 0]);
    bytes.extend(payload);
    bytes
}

fn scan(pieces: impl IntoIterator<Item = Vec<u8>>) -> Vec<Frame> {
    let mut scanner = FrameScanner::default();
    let mut seen = Vec::new();
    for piece in pieces {
        scanner.feed(&piece, |frame| seen.push(frame));
    }
    seen
}

fn sample() -> Vec<u8> {
    let mut bytes = frame(4, 0, &[0, 3, 0, 0, 0, 100]);
    bytes.extend(frame(4, 1, &[]));
    // Payload that looks like a GOAWAY header.
    bytes.extend(frame(0, 0, &frame(7, 0, &[0; 8])));
    bytes.extend(frame(7, 0, &[0; 70_000]));
    bytes.extend(frame(6, 0, &[0; 8]));
    bytes
}

const EXPECTED: [Frame; 5] = [
    Frame::Settings,
    Frame::Other,
    Frame::Other,
    Frame::GoAway,
    Frame::Other,
];

#[test]
fn frames_are_told_apart_and_payload_is_not_looked_into() {
    assert_eq!(scan([sample()]), EXPECTED);
}

#[test]
fn frames_may_arrive_in_pieces_of_any_size() {
    for size in [1, 2, 3, 8, 9, 10, 1000] {
        let pieces: Vec<_> = sample().chunks(size).map(<[u8]>::to_vec).collect();
        assert_eq!(scan(pieces), EXPECTED, "pieces of {size}");
    }
}

#[test]
fn an_acknowledgement_is_not_the_peers_settings() {
    assert_eq!(scan([frame(4, 1, &[])]), [Frame::Other]);
}
