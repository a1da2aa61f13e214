use super::*;

fn request(version: Version, kind: Option<&str>) -> Request<()> {
    let mut request = Request::post("/lookaside.v1.Control/SetOverride").version(version);
    if let Some(kind) = kind {
        request = request.header(CONTENT_TYPE, kind);
    }
    request.body(()).unwrap()
}

#[test]
fn only_grpc_over_http2_is_grpc() {
    for kind in ["application/grpc", "application/grpc+proto"] {
        assert!(not_grpc(&request(Version::HTTP_2, Some(kind))).is_none());
    }
    for (version, kind) in [
        (Version::HTTP_2, None),
        // What a page may send to another origin unasked.
        (Version::HTTP_2, Some("text/plain")),
        // Its own origin, if its name leads here.
        (Version::HTTP_11, Some("application/grpc")),
    ] {
        let answer = not_grpc(&request(version, kind)).unwrap();
        assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
}
