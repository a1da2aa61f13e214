//! Tokens as calls carry them, and files of keys.

use lookaside_core::{
    BackendId, Key, KeyRing, MAX_TOKEN_CHARS, ServiceName, Token, TokenIssuer, TokenParts,
    TokenVerdict, TokenVerifier, Variant, parse_keys, strip_variant,
};

/// Any bytes as a token: only what the issuer made passes for valid. Any text as a file
/// of keys.
pub fn run(data: &[u8]) {
    let service: ServiceName = "orders".parse().expect("a name");
    let id: BackendId = "a".parse().expect("an id");
    let key = Key::new(&[7; 32]).expect("long enough");
    let ring = KeyRing::new([key]).expect("one key");
    let own = TokenIssuer::Signed(ring.clone()).issue(&service, &id);
    let verifier = TokenVerifier::new(Some(ring), [(service, id)]);
    if let TokenVerdict::Valid { .. } = verifier.verify(data) {
        let text = std::str::from_utf8(data).expect("ASCII");
        assert_eq!(strip_variant(text), own.as_str());
    }
    let _ = TokenParts::parse(data);
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(keys) = parse_keys(text) {
        let _ = KeyRing::new(keys);
    }
    assert!(text.starts_with(strip_variant(text)));
    if let Ok(token) = Token::new(text) {
        assert_eq!(token.as_str(), text);
        let varied = token.with_variant(Variant::random(&mut fastrand::Rng::with_seed(1)));
        assert!(varied.as_str().len() <= MAX_TOKEN_CHARS);
        assert!(varied.as_str().starts_with(text));
    }
}
