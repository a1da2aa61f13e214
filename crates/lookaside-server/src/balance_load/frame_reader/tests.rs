use std::{collections::VecDeque, convert::Infallible, future::poll_fn};

use http_body::Frame;

use super::*;

/// A body of given pieces.
struct Pieces(VecDeque<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }
}

fn connection() -> Arc<Connection> {
    Connection::local()
}

fn message(len: usize) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend((len as u32).to_be_bytes());
    bytes.extend((0..len).map(|i| i as u8));
    bytes
}

async fn read_all(pieces: impl IntoIterator<Item = Vec<u8>>) -> Vec<Result<Vec<u8>, String>> {
    let mut body = Pieces(pieces.into_iter().map(Bytes::from).collect());
    let mut reader = FrameReader::new(connection());
    reader.admitted();
    let mut messages = Vec::new();
    while let Some(message) = poll_fn(|cx| reader.poll_message(&mut body, cx)).await {
        let failed = message.is_err();
        messages.push(message.map(Vec::from).map_err(|e| e.to_string()));
        if failed {
            break;
        }
    }
    messages
}

#[tokio::test]
async fn messages_are_found_however_they_are_cut() {
    let lens = [0, 1, 300, 7, 0];
    let stream: Vec<u8> = lens.iter().flat_map(|&len| message(len)).collect();
    let expected: Vec<_> = lens
        .iter()
        .map(|&len| Ok(message(len)[PREFIX_BYTES..].to_vec()))
        .collect();
    for piece in 1..=stream.len() {
        let pieces = stream.chunks(piece).map(<[u8]>::to_vec);
        assert_eq!(read_all(pieces).await, expected, "pieces of {piece}");
    }
    assert_eq!(read_all([]).await, []);
}

#[tokio::test]
async fn the_largest_message_passes_and_one_byte_more_is_refused_before_it_arrives() {
    let largest = read_all([message(MAX_MESSAGE_BYTES)]).await;
    assert_eq!(largest[0].as_ref().unwrap().len(), MAX_MESSAGE_BYTES);

    let mut head = message(MAX_MESSAGE_BYTES + 1);
    head.truncate(PREFIX_BYTES);
    let error = read_all([head]).await.remove(0).unwrap_err();
    assert_eq!(
        error,
        "a message of 65537 bytes; at most 65536 are allowed here"
    );
    let (len, limit) = (65537, 65536);
    let status = Status::from(FrameError::TooLarge { len, limit });
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
}

#[tokio::test]
async fn what_is_no_plain_message_is_refused_by_name() {
    let error = async |bytes: &[u8]| read_all([bytes.to_vec()]).await.remove(0).unwrap_err();
    assert!(error(&[1, 0, 0, 0, 0]).await.contains("compressed"));
    assert!(error(b"GET / HTTP/1.1").await.contains("flag byte 71"));
    assert!(error(&[0, 0, 0]).await.contains("ends within"));
    assert!(error(&[0, 0, 0, 0, 2, 1]).await.contains("ends within"));
}

#[tokio::test]
async fn between_messages_no_memory_is_held() {
    let mut body = Pieces([Bytes::from(message(10)), Bytes::from(message(3))].into());
    let mut reader = FrameReader::new(connection());
    for _ in 0..2 {
        poll_fn(|cx| reader.poll_message(&mut body, cx))
            .await
            .unwrap()
            .unwrap();
    }
    assert!(
        poll_fn(|cx| reader.poll_message(&mut body, cx))
            .await
            .is_none()
    );
    assert_eq!(reader.partial.capacity(), 0);
    assert!(reader.arrived.is_empty());
}

#[tokio::test]
async fn before_a_stream_is_admitted_its_message_is_short() {
    let mut reader = FrameReader::new(connection());
    let mut body = Pieces([Bytes::from(message(1024)), Bytes::from(message(1025))].into());
    let mut next = async || poll_fn(|cx| reader.poll_message(&mut body, cx)).await;
    assert_eq!(next().await.unwrap().unwrap().len(), 1024);
    let error = next().await.unwrap().unwrap_err().to_string();
    assert_eq!(
        error,
        "a message of 1025 bytes; at most 1024 are allowed here"
    );
}

#[test]
fn what_a_connection_begins_and_does_not_end_is_bounded_over_all_of_its_streams() {
    let connection = connection();
    let begin = |len| {
        let mut reader = FrameReader::new(Arc::clone(&connection));
        reader.admitted();
        reader.arrived = Bytes::from(message(len)).slice(..len);
        let begun = reader
            .take_message()
            .map(|message| assert_eq!(message, None));
        begun.map(|()| reader)
    };
    let first = begin(60_000).unwrap();
    let second = begin(60_000).unwrap();
    assert!(matches!(begin(60_000), Err(FrameError::TooMany)));
    let _usual = begin(500).unwrap();
    drop(first);
    let mut third = begin(60_000).unwrap();
    assert!(matches!(begin(60_000), Err(FrameError::TooMany)));
    // Complete is as good as gone.
    third.arrived = Bytes::from_static(&[0; PREFIX_BYTES]);
    assert_eq!(third.take_message().unwrap().unwrap().len(), 60_000);
    begin(60_000).unwrap();
    drop(second);
}
