use super::*;

#[test]
fn keys_are_named_by_file() {
    for (text, path) in [
        ("file:/etc/token.key", "/etc/token.key"),
        ("file:///etc/token.key", "/etc/token.key"),
        ("file:token.key", "token.key"),
    ] {
        let source: KeySource = text.parse().unwrap();
        assert_eq!(source.path(), Path::new(path));
        assert_eq!(source.to_string(), format!("file:{path}"));
    }
}

#[test]
fn what_names_no_file_is_refused_and_may_be_a_secret() {
    assert_eq!("file:".parse::<KeySource>(), Err(KeySourceError::NoPath));
    for text in ["/etc/token.key", "AQEBAQEBAQEBAQEBAQEBAQ==", "env:KEY", ""] {
        let error = text.parse::<KeySource>().unwrap_err();
        assert_eq!(error, KeySourceError::Kind);
        assert!(error.to_string().contains("file:PATH"), "{error}");
        assert!(text.is_empty() || !error.to_string().contains(text));
    }
}
