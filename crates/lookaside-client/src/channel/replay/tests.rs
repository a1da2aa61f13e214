use std::collections::VecDeque;

use http_body::Body as _;
use http_body_util::BodyExt;

use super::*;

/// A body of these frames.
struct Frames(VecDeque<Bytes>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Poll::Ready(self.0.pop_front().map(|data| Ok(Frame::data(data))))
    }
}

fn request(frames: impl IntoIterator<Item = &'static [u8]>) -> Request<Body> {
    let frames = frames.into_iter().map(Bytes::from_static).collect();
    let mut request = Request::new(Body::new(Frames(frames)));
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
