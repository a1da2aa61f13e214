use http_body_util::{BodyExt, Full};

use super::*;

#[tokio::test]
async fn a_long_answer_comes_in_pieces_and_whole() {
    let text: Vec<u8> = (0..100_000u32).map(|i| i as u8).collect();
    let body = tonic::body::Body::new(Full::new(Bytes::from(text.clone())));
    let mut body = OtherBody::new(body, None);
    assert_eq!(body.size_hint().exact(), Some(100_000));
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let data = frame.unwrap().into_data().unwrap();
        assert!(!data.is_empty() && data.len() <= MAX_PIECE);
        read.extend_from_slice(&data);
        assert_eq!(body.is_end_stream(), read.len() == text.len());
        assert_eq!(
            body.size_hint().exact(),
            Some((text.len() - read.len()) as u64)
        );
    }
    assert_eq!(read, text);
}
