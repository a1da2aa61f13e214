use super::*;

/// Messages of these lengths, as a body.
fn body(lengths: &[u32]) -> Vec<u8> {
    let mut body = Vec::new();
    for length in lengths {
        body.push(0);
        body.extend(length.to_be_bytes());
        body.extend(std::iter::repeat_n(0xff, *length as usize));
    }
    body
}

#[test]
fn the_longest_message_allowed_passes_however_it_is_cut() {
    let body = body(&[10, 0, 3, 10]);
    for size in 1..=body.len() {
        let mut limit = MessageLimit::new(10);
        for frame in body.chunks(size) {
            limit.check(frame, "request").unwrap();
        }
    }
}

#[test]
fn a_longer_one_is_refused_by_its_first_bytes_however_they_are_cut() {
    let body = body(&[10, 300]);
    for size in 1..=body.len() {
        let mut limit = MessageLimit::new(10);
        let mut frames = body[..20].chunks(size);
        let status = frames.find_map(|frame| limit.check(frame, "response").err());
        let status = status.expect("refused");
        assert_eq!(status.code(), tonic::Code::ResourceExhausted);
        let expected = "a response message has 300 bytes, the service config allows 10";
        assert_eq!(status.message(), expected);
    }
}
