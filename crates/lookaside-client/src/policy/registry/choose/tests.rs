use super::*;
use crate::service_config::document;

fn choose(list: &str) -> Result<String, String> {
    let value = document(list).unwrap();
    let chosen = PolicyRegistry::new().choose(&Node::root(&value));
    let chosen = chosen.map_err(|error| error.to_string())?;
    Ok(chosen.builder.name().to_owned())
}

#[test]
fn the_first_known_policy_is_chosen_and_the_rest_not_looked_at() {
    let list = r#"[{"newer":7},{"pick_first":{}},{"round_robin":3},"?"]"#;
    assert_eq!(choose(list).unwrap(), "pick_first");
}

#[test]
fn a_list_without_a_known_policy_says_what_is_known() {
    let error = choose(r#"[{"newer":{}},{"newest":{}}]"#).unwrap_err();
    let expected = "none of its policies is known (newer, newest); known are ";
    assert!(error.starts_with(expected), "{error}");
    assert!(error.contains("pick_first"), "{error}");
    assert!(choose("[]").is_err());
}

#[test]
fn an_entry_must_be_one_policy_and_its_configuration_an_object() {
    let cases = [
        (
            "{}",
            "expected a list of policies, found an object with 0 fields",
        ),
        (
            r#"["round_robin"]"#,
            "[0]: expected an object with one field, a policy's name, found \"round_robin\"",
        ),
        (
            r#"[{"round_robin":{},"pick_first":{}}]"#,
            "[0]: expected an object with one field, a policy's name, found an object with 2 \
             fields",
        ),
        (
            r#"[{"round_robin":[]}]"#,
            "[0].round_robin: expected an object",
        ),
    ];
    for (list, expected) in cases {
        assert_eq!(choose(list).unwrap_err(), expected);
    }
}

#[test]
fn names_alone_are_known_in_any_case() {
    let choose = |name: &str| {
        let value = serde_json::Value::from(name);
        let chosen = PolicyRegistry::new().choose_by_name(&Node::root(&value));
        chosen.map(|chosen| chosen.builder.name().to_owned())
    };
    assert_eq!(choose("ROUND_ROBIN").unwrap(), "round_robin");
    let error = choose("robin").unwrap_err().to_string();
    assert!(
        error.starts_with("\"robin\" is not known; known are "),
        "{error}"
    );
}
