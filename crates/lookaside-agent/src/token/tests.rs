use super::*;

fn seen(header: Option<&[u8]>) -> Option<LbToken> {
    let mut request = tonic::Request::new(());
    if let Some(value) = header {
        let value = HeaderValue::from_bytes(value).unwrap();
        let mut headers = std::mem::take(request.metadata_mut()).into_headers();
        headers.insert(LB_TOKEN_HEADER, value);
        *request.metadata_mut() = tonic::metadata::MetadataMap::from_headers(headers);
    }
    LbToken::of(&request)
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
