use super::*;

/// A frame of this type with this much payload.
fn frame(kind: u8, payload: usize) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload).unwrap().to_be_bytes();
    let mut frame = vec![a, b, c, kind, 0, 0, 0, 0, 1];
    // What looks like a request within a payload is none.
    frame.extend([0, 0, 0, HEADERS].iter().cycle().take(payload));
    frame
}

/// A preface, SETTINGS, a request, a long DATA frame, and PING.
fn connection() -> Vec<u8> {
    let mut bytes = PREFACE.to_vec();
    for (kind, payload) in [(4, 0), (HEADERS, 30), (0, 300), (6, 8)] {
        bytes.extend(frame(kind, payload));
    }
    bytes
}

#[test]
fn frames_are_counted_however_the_bytes_are_cut() {
    let bytes = connection();
    let whole = Frames::default().read(&bytes);
    assert_eq!(whole as usize, 3 + UNITS_PER_REQUEST + bytes.len() / 64);
    for cut in 1..bytes.len() {
        let mut frames = Frames::default();
        let units: u32 = bytes.chunks(cut).map(|part| frames.read(part)).sum();
        // What is left over of 64 bytes in each piece is not counted.
        let least = 3 + UNITS_PER_REQUEST as u32;
        assert!((least..=whole).contains(&units), "cut into {cut}: {units}");
    }
}

#[test]
fn a_connection_has_begun_with_its_first_frame_and_not_with_a_piece_of_the_preface() {
    let bytes = connection();
    let mut frames = Frames::default();
    let first = PREFACE.len() + HEADER;
    for (at, byte) in bytes.iter().enumerate() {
        assert_eq!(frames.have_begun(), at >= first, "before byte {at}");
        frames.read(&[*byte]);
    }
}

#[test]
fn what_is_no_http2_has_begun_and_costs_only_its_bytes() {
    for text in [
        "GET / HTTP/1.1\r\n\r\n",
        "PRI * HTTP/1.1\r\n",
        "\x16\x03\x01",
    ] {
        let mut frames = Frames::default();
        assert_eq!(frames.read(text.as_bytes()), 0);
        assert!(frames.have_begun(), "{text:?}");
        assert_eq!(frames.read(&[0; 640]), 10);
    }
}
