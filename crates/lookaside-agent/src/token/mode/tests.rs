use super::*;

#[test]
fn modes_are_read_as_they_are_written() {
    for mode in [
        TokenMode::Observe,
        TokenMode::RejectInvalid,
        TokenMode::Require,
    ] {
        assert_eq!(mode.to_string().parse(), Ok(mode));
    }
    let error = "strict".parse::<TokenMode>().unwrap_err().to_string();
    assert!(
        error.contains("strict") && error.contains("reject-invalid"),
        "{error}"
    );
}
