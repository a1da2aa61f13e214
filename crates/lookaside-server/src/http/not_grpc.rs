use bytes::Bytes;
use http::{Request, Response, StatusCode, Version, header::CONTENT_TYPE};
use http_body_util::Full;
use tonic::body::Body;

use super::{OtherBody, ResponseBody};

const TEXT: &str = "this is no gRPC: expected HTTP/2 and content-type application/grpc\n";

/// The answer to a request that is not gRPC's, which the gRPC services must not see.
///
/// Any page can make its reader's browser send a POST to this machine, or through a tunnel
/// to it, and whoever is on this machine may control the balancer (`docs/security.md`). It
/// cannot do so with this content type unless the other side agrees first, nor in HTTP/2
/// without TLS, nor with a certificate for a name of its own.
pub(super) fn not_grpc<B>(request: &Request<B>) -> Option<Response<ResponseBody>> {
    if is_grpc(request) {
        return None;
    }
    let body = Body::new(Full::new(Bytes::from_static(TEXT.as_bytes())));
    let mut response = Response::new(ResponseBody::Other(OtherBody::new(body, None)));
    // As gRPC over HTTP/2 wants it for another content type.
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Some(response)
}

fn is_grpc<B>(request: &Request<B>) -> bool {
    let kind = request.headers().get(CONTENT_TYPE);
    request.version() == Version::HTTP_2
        && kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

#[cfg(test)]
mod tests;
