//! JSON against the schemas in `docs/schema`. As much of JSON Schema as these use: a
//! keyword that is not known here fails the test that meets it.

use std::{fs, path::Path};

use serde_json::Value;

/// What is wrong with a value that a command printed; empty: nothing. A field that the
/// schema does not describe is wrong too.
pub fn violations(command: &str, value: &Value) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema");
    let path = path.join(format!("{command}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let root = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut check = Check {
        root: &root,
        violations: Vec::new(),
    };
    check.value("$", &root, value);
    check.violations
}

struct Check<'a> {
    root: &'a Value,
    violations: Vec<String>,
}

impl<'a> Check<'a> {
    fn value(&mut self, at: &str, schema: &'a Value, value: &Value) {
        let keywords = schema.as_object().expect("a schema is an object");
        for (keyword, said) in keywords {
            let holds = match &**keyword {
                "$schema" | "$defs" | "title" | "description" | "properties" => true,
                "$ref" => {
                    let pointer = said.as_str().and_then(|it| it.strip_prefix('#'));
                    let target = pointer.and_then(|it| self.root.pointer(it));
                    self.value(at, target.expect("a reference to something"), value);
                    true
                }
                "type" => match said {
                    Value::Array(types) => types.iter().any(|it| is(it, value)),
                    one => is(one, value),
                },
                "enum" => said.as_array().expect("values").contains(value),
                "minimum" => value.as_f64().is_none_or(|it| Some(it) >= said.as_f64()),
                "format" if said == "date-time" => value.as_str().is_none_or(is_time),
                "required" => {
                    let names = said.as_array().expect("names").iter();
                    let mut names = names.map(|it| it.as_str().expect("a name"));
                    value
                        .as_object()
                        .is_none_or(|it| names.all(|name| it.contains_key(name)))
                }
                "items" => {
                    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.value(&format!("{at}[{i}]"), said, item);
                    }
                    true
                }
                "additionalProperties" => true,
                other => panic!("{at}: keyword {other} is not known to this check"),
            };
            if !holds {
                self.violations
                    .push(format!("{at}: {value} against {keyword}: {said}"));
            }
        }
        for (name, item) in value.as_object().into_iter().flatten() {
            let at = format!("{at}.{name}");
            let of_all = keywords.get("additionalProperties");
            match keywords
                .get("properties")
                .and_then(|it| it.get(name))
                .or(of_all)
            {
                Some(schema) => self.value(&at, schema, item),
                None if keywords.contains_key("$ref") => {}
                None => self.violations.push(format!("{at} is not described")),
            }
        }
    }
}

fn is(kind: &Value, value: &Value) -> bool {
    match kind.as_str().expect("a type") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("type {other} is not known to this check"),
    }
}

/// RFC 3339 in UTC, as in `2026-01-31T12:00:00.000Z`.
fn is_time(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00T00:00:00.000Z"
}

#[cfg(test)]
mod tests;
