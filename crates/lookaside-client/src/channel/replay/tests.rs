use std::collections::VecDeque;

use http_body::Body as _;
use http_body_util::BodyExt;

use super::*;

/// A body of these frames, and then an end after which it must not be asked again.
struct Frames(VecDeque<Bytes>, Option<Result<(), Status>>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Poll::Ready(match self.0.pop_front() {
            Some(data) => Some(Ok(Frame::data(data))),
            None => self.1.take().expect("asked after its end").err().map(Err),
        })
    }
}

fn request(frames: impl IntoIterator<Item = &'static [u8]>) -> Request<Body> {
    request_that_ends(frames, Ok(()))
}

fn request_that_ends(
    frames: impl IntoIterator<Item = &'static [u8]>,
    end: Result<(), Status>,
) -> Request<Body> {
    let frames = frames.into_iter().map(Bytes::from_static).collect();
    let mut request = Request::new(Body::new(Frames(frames, Some(end))));
    *request.uri_mut() = "http://orders/a.B/C".parse().unwrap();
    request.headers_mut().insert("x-mine", "1".parse().unwrap());
    request
}

async fn next(request: &mut Request<RequestBody>) -> Option<Bytes> {
    let frame = request.body_mut().frame().await?;
    Some(frame.unwrap().into_data().unwrap())
}

#[tokio::test]
async fn a_request_can_be_sent_again_from_its_beginning() {
    let (mut replay, mut first) = Replay::record(request([b"one" as &[u8], b"two", b"three"]));
    replay.keep_head(&first);
    assert_eq!(next(&mut first).await.unwrap(), "one");
    assert_eq!(next(&mut first).await.unwrap(), "two");

    let mut second = replay.again().unwrap();
    assert_eq!(second.uri().path(), "/a.B/C");
    assert_eq!(second.headers()["x-mine"], "1");
    for expected in ["one", "two", "three"] {
        assert!(!second.body().is_end_stream());
        assert_eq!(next(&mut second).await.unwrap(), expected);
    }
    assert!(next(&mut second).await.is_none());
    assert!(second.body().is_end_stream());
    // What still holds the first must not take frames from the second.
    assert!(first.body_mut().frame().await.unwrap().is_err());
}

#[tokio::test]
async fn nothing_is_kept_once_the_response_began() {
    let (mut replay, mut first) = Replay::record(request([b"one" as &[u8], b"two"]));
    replay.keep_head(&first);
    assert_eq!(next(&mut first).await.unwrap(), "one");
    replay.commit();
    assert_eq!(next(&mut first).await.unwrap(), "two");
    assert!(next(&mut first).await.is_none());
    assert!(replay.again().is_none());
}

#[tokio::test]
async fn a_body_over_the_limit_is_sent_whole_but_only_once() {
    static BIG: [u8; 100 * 1024] = [7; 100 * 1024];
    let (mut replay, mut first) = Replay::record(request([&BIG as &[u8]; 4]));
    replay.keep_head(&first);
    let mut size = 0;
    while let Some(data) = next(&mut first).await {
        size += data.len();
    }
    assert_eq!(size, 400 * 1024);
    assert!(replay.again().is_none());
}

#[tokio::test]
async fn a_response_that_begins_while_the_request_is_sent_again_cuts_nothing_from_it() {
    let (mut replay, mut first) = Replay::record(request([b"one" as &[u8], b"two", b"three"]));
    replay.keep_head(&first);
    for expected in ["one", "two"] {
        assert_eq!(next(&mut first).await.unwrap(), expected);
    }
    let mut second = replay.again().unwrap();
    assert_eq!(next(&mut second).await.unwrap(), "one");
    replay.commit();
    for expected in ["two", "three"] {
        assert_eq!(next(&mut second).await.unwrap(), expected);
    }
    assert!(next(&mut second).await.is_none());
    assert!(lock(&replay.body).more.is_empty());
}

#[tokio::test]
async fn a_request_that_was_read_to_its_end_can_be_sent_again() {
    let (mut replay, mut first) = Replay::record(request([b"one" as &[u8]]));
    replay.keep_head(&first);
    assert_eq!(next(&mut first).await.unwrap(), "one");
    assert!(next(&mut first).await.is_none());
    let mut second = replay.again().unwrap();
    assert_eq!(next(&mut second).await.unwrap(), "one");
    assert!(next(&mut second).await.is_none());
}

#[tokio::test]
async fn a_body_that_failed_is_not_sent_again_as_if_it_were_complete() {
    let failed = Err(Status::data_loss("as asked"));
    let (mut replay, mut first) = Replay::record(request_that_ends([b"one" as &[u8]], failed));
    replay.keep_head(&first);
    assert_eq!(next(&mut first).await.unwrap(), "one");
    assert!(first.body_mut().frame().await.unwrap().is_err());
    assert!(replay.again().is_none());
}

#[tokio::test]
async fn many_small_frames_are_not_kept_beyond_the_limit_either() {
    let frames = std::iter::repeat_n(b"" as &[u8], MAX_KEPT);
    let (mut replay, mut first) = Replay::record(request(frames));
    replay.keep_head(&first);
    while next(&mut first).await.is_some() {}
    assert!(replay.again().is_none());
}

#[tokio::test]
async fn headers_with_several_values_are_sent_again_with_all_of_them() {
    let mut request = request([b"one" as &[u8]]);
    request.headers_mut().append("x-mine", "2".parse().unwrap());
    let (mut replay, first) = Replay::record(request);
    replay.keep_head(&first);
    let second = replay.again().unwrap();
    assert_eq!(second.headers(), first.headers());
}
