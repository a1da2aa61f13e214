use std::future::{Ready, ready};

use super::*;

#[derive(Clone)]
struct Seen;

impl Service<Request<()>> for Seen {
    type Response = Option<LbToken>;
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        ready(Ok(request.extensions().get().cloned()))
    }
}

fn seen(header: Option<&[u8]>) -> Option<LbToken> {
    let mut request = Request::new(());
    if let Some(value) = header {
        let value = HeaderValue::from_bytes(value).unwrap();
        request.headers_mut().insert(LB_TOKEN_HEADER, value);
    }
    LbTokenLayer::new()
        .layer(Seen)
        .call(request)
        .into_inner()
        .unwrap()
}

#[test]
fn a_service_finds_the_token_of_its_call() {
    let token = seen(Some(b"0abcdefghijklmnop")).unwrap();
    assert_eq!(token.as_str(), "0abcdefghijklmnop");
    assert_eq!(token.identity(), "0abcdefghijklmnop");
}

#[test]
fn the_variant_is_no_part_of_a_tokens_identity() {
    let token = seen(Some(b"0abcdefghijklmnop.x1y")).unwrap();
    assert_eq!(token.as_str(), "0abcdefghijklmnop.x1y");
    assert_eq!(token.identity(), "0abcdefghijklmnop");
}

#[test]
fn a_call_without_a_readable_token_has_none() {
    assert_eq!(seen(None), None);
    assert_eq!(seen(Some(b"\xff\xfe")), None);
}
