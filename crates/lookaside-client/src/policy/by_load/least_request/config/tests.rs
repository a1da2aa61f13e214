use super::*;

fn parse(json: &str) -> Result<LeastRequest, String> {
    let parsed = LeastRequest::new().configured(json);
    parsed.map_err(|error| error.to_string())
}

#[test]
fn the_number_of_choices_is_2_by_default_and_10_at_most() {
    assert_eq!(parse("{}"), Ok(LeastRequest::new().choice_count(2)));
    let three = Ok(LeastRequest::new().choice_count(3));
    assert_eq!(parse(r#"{"choiceCount": 3, "newer": true}"#), three);
    let ten = Ok(LeastRequest::new().choice_count(10));
    assert_eq!(parse(r#"{"choiceCount": 11}"#), ten);
}

#[test]
fn fewer_than_two_are_no_choice() {
    for (json, found) in [
        (r#"{"choiceCount": 1}"#, "1"),
        (r#"{"choiceCount": 0}"#, "0"),
    ] {
        let expected = format!("choiceCount: expected a whole number from 2, found {found}");
        assert_eq!(parse(json), Err(expected));
    }
    assert!(parse(r#"{"choiceCount": -3}"#).is_err());
    assert!(parse("[]").is_err());
}
