use super::*;

fn error<T: fmt::Debug>(result: Result<T, JsonError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn errors_name_the_place_what_was_expected_and_what_was_found() {
    let value = document(r#"{"a":[{"b":"1"},3,{"c":{},"d":null}],"e":-1,"f":[]}"#).unwrap();
    let root = Node::root(&value);
    let list = root.required("a").unwrap().list("things").unwrap();
    let b = list[0].required("b").unwrap();
    assert_eq!(b.count(), Ok(1));
    assert_eq!(
        error(b.bool()),
        "a[0].b: expected true or false, found \"1\""
    );
    assert_eq!(
        error(list[1].field("b")),
        "a[1]: expected an object, found 3"
    );
    let missing = error(list[2].required("d"));
    assert_eq!(missing, "a[2]: d is missing", "null is nothing");
    let c = list[2].required("c").unwrap();
    let found = error(c.duration());
    assert_eq!(
        found,
        "a[2].c: expected a duration such as \"1.5s\", found an object with 0 fields"
    );
    let e = root.required("e").unwrap();
    assert_eq!(
        error(e.count()),
        "e: expected a whole number from 0, found -1"
    );
    assert_eq!(
        error(root.list("a list")),
        "expected a list, found an object with 3 fields"
    );
    let f = root.required("f").unwrap();
    assert_eq!(
        error(f.bool()),
        "f: expected true or false, found an empty list"
    );
}

#[test]
fn whole_numbers_may_have_a_decimal_point_or_quotes_but_no_fraction() {
    for (text, expected) in [
        ("3", Some(3)),
        ("3.0", Some(3)),
        ("\"3\"", Some(3)),
        ("3.5", None),
        ("-3", None),
        ("\"-3\"", None),
        ("\"\"", None),
        ("1e300", None),
        ("true", None),
    ] {
        let value = document(text).unwrap();
        assert_eq!(Node::root(&value).count().ok(), expected, "{text}");
    }
}

#[test]
fn what_is_no_json_says_where() {
    assert_eq!(
        error(document("{\"a\":}")),
        "not JSON: expected value at line 1 column 6"
    );
}
