use super::*;

#[test]
fn an_override_has_a_term_from_a_second_to_a_year() {
    assert_eq!(term("1s").unwrap(), Duration::from_secs(1));
    assert_eq!(term("366d").unwrap(), Duration::from_secs(366 * 86_400));
    for bad in ["0s", "999ms", "367d", "10", "-5m", "", "soon"] {
        let error = term(bad).unwrap_err();
        assert!(error.contains("1s to 366d"), "{bad}: {error}");
    }
}
