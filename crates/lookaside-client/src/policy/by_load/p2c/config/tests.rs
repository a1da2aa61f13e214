use std::time::Duration;

use super::*;

#[test]
fn the_decay_time_is_read_and_must_be_above_zero() {
    let parse = |json: &str| {
        let parsed = P2c::new().configured(json);
        parsed.map_err(|error| error.to_string())
    };
    assert_eq!(parse("{}"), Ok(P2c::new()));
    let two = Ok(P2c::new().decay(Duration::from_secs(2)));
    assert_eq!(parse(r#"{"decayTime": "2s"}"#), two);
    assert_eq!(
        parse(r#"{"decayTime": "0s"}"#),
        Err(r#"decayTime: expected a duration above 0 such as "1.5s", found "0s""#.to_owned())
    );
}
