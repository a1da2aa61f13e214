use std::{
    convert::Infallible,
    future::{Ready, ready},
};

use http::HeaderValue;
use lookaside_core::{Key, TokenIssuer};
use lookaside_proto::LB_TOKEN_HEADER;
use tonic::{Code, body::Body};

use super::*;
use crate::token::TokenMode;

/// Answers whatever it is asked.
#[derive(Clone)]
struct Answers;

impl Service<Request<()>> for Answers {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let mut response = Response::new(Body::default());
        let answered = HeaderValue::from_static("yes");
        response.headers_mut().insert("answered", answered);
        ready(Ok(response))
    }
}

fn issuer() -> TokenIssuer {
    TokenIssuer::Signed(Key::new(&[1; 16]).unwrap().into())
}

fn token() -> HeaderValue {
    let token = issuer().issue(&"orders".parse().unwrap(), &"a".parse().unwrap());
    token.as_str().parse().unwrap()
}

fn service() -> LbTokenService<Answers> {
    let identity = ("orders".parse().unwrap(), "a".parse().unwrap());
    let check = TokenCheck::builder()
        .backend(identity)
        .keys(issuer().keys().unwrap().clone())
        .mode(TokenMode::Require)
        .build();
    check.unwrap().layer().layer(Answers)
}

fn request(token: Option<HeaderValue>) -> Request<()> {
    let mut request = Request::new(());
    *request.uri_mut() = "http://backend/lookaside.demo.v1.Echo/Echo"
        .parse()
        .unwrap();
    if let Some(token) = token {
        request.headers_mut().insert(LB_TOKEN_HEADER, token);
    }
    request
}

#[tokio::test]
async fn a_call_that_passes_gets_the_services_own_answer() {
    let answer = service().call(request(Some(token()))).await.unwrap();
    assert_eq!(answer.headers()["answered"], "yes");
    assert!(!answer.headers().contains_key("grpc-status"));
}

#[tokio::test]
async fn a_refused_call_ends_with_permission_denied_and_nothing_but_trailers() {
    for (token, reason) in [(None, "missing"), (Some("junk"), "no token of a backend")] {
        let token = token.map(HeaderValue::from_static);
        let answer = service().call(request(token)).await.unwrap();
        assert_eq!(answer.status(), 200);
        let headers = answer.headers();
        assert_eq!(headers["content-type"], "application/grpc");
        assert!(
            !headers.contains_key("answered"),
            "the service is not asked"
        );
        let status = Status::from_header_map(headers).unwrap();
        assert_eq!(status.code(), Code::PermissionDenied);
        assert!(status.message().contains(reason), "{status:?}");
        use http_body::Body as _;
        assert!(answer.body().is_end_stream());
    }
}

#[test]
fn passing_the_layer_allocates_nothing() {
    let mut service = service();
    let request = request(Some(token()));
    // A thread's first look at an `ArcSwap` sets up its slot.
    let _ = service.check.admit("/", request.headers());
    // What the service itself takes for its answer.
    let inner = allocation_counter::measure(|| {
        let answer = Answers.call(Request::new(()));
        assert!(
            answer
                .into_inner()
                .unwrap()
                .headers()
                .contains_key("answered")
        );
    });
    let call = std::cell::Cell::new(Some(request));
    let counted = allocation_counter::measure(|| {
        let call = service.call(call.take().unwrap()).call;
        let Call::Passed { future } = call else {
            panic!("refused");
        };
        assert!(
            future
                .into_inner()
                .unwrap()
                .headers()
                .contains_key("answered")
        );
    });
    assert!(inner.count_total > 0, "the answer's headers");
    assert_eq!(counted.count_total, inner.count_total, "{counted:?}");
}
