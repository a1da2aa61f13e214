use std::{fmt, time::Duration};

use serde_json::Value;

use super::duration;

/// A value in a JSON document, and where it is: what is wrong with it can be said so that
/// its author finds it.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    value: &'a Value,
    /// As in `methodConfig[0].timeout`; empty for the document.
    path: String,
}

/// What is wrong with a document, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct JsonError(String);

/// Text as a document.
pub(crate) fn document(text: &str) -> Result<Value, JsonError> {
    serde_json::from_str(text).map_err(|error| JsonError(format!("not JSON: {error}")))
}

impl<'a> Node<'a> {
    /// A whole document.
    pub(crate) fn root(value: &'a Value) -> Self {
        Self {
            value,
            path: String::new(),
        }
    }

    /// As JSON, for somebody else to read.
    pub(crate) fn text(&self) -> String {
        self.value.to_string()
    }

    /// Says that something is wrong with this value.
    pub(crate) fn error(&self, problem: impl fmt::Display) -> JsonError {
        if self.path.is_empty() {
            JsonError(problem.to_string())
        } else {
            JsonError(format!("{}: {problem}", self.path))
        }
    }

    /// Says what should have been here.
    pub(crate) fn expected(&self, what: &str) -> JsonError {
        self.error(format!("expected {what}, found {}", Found(self.value)))
    }

    /// Of an object. `null` is as good as nothing, as in all JSON of protocol buffers.
    pub(crate) fn field(&self, name: &str) -> Result<Option<Node<'a>>, JsonError> {
        let Value::Object(fields) = self.value else {
            return Err(self.expected("an object"));
        };
        let value = fields.get(name).filter(|value| !value.is_null());
        Ok(value.map(|value| self.child(name, value)))
    }

    /// Of an object that must have it.
    #[cfg(any(feature = "retry", test))]
    pub(crate) fn required(&self, name: &str) -> Result<Node<'a>, JsonError> {
        let field = self.field(name)?;
        field.ok_or_else(|| self.error(format!("{name} is missing")))
    }

    /// The only field of an object.
    pub(crate) fn only_field(&self, what: &str) -> Result<(&'a str, Node<'a>), JsonError> {
        if let Value::Object(fields) = self.value
            && let (1, Some((name, value))) = (fields.len(), fields.iter().next())
        {
            return Ok((name, self.child(name, value)));
        }
        Err(self.expected(what))
    }

    fn child(&self, name: &str, value: &'a Value) -> Self {
        let path = match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        Self { value, path }
    }

    /// The elements of a list; `what` says of what.
    pub(crate) fn list(&self, what: &str) -> Result<Vec<Node<'a>>, JsonError> {
        let Value::Array(values) = self.value else {
            return Err(self.expected(what));
        };
        let element = |(index, value)| Self {
            value,
            path: format!("{}[{index}]", self.path),
        };
        Ok(values.iter().enumerate().map(element).collect())
    }

    pub(crate) fn string(&self, what: &str) -> Result<&'a str, JsonError> {
        self.value.as_str().ok_or_else(|| self.expected(what))
    }

    pub(crate) fn bool(&self) -> Result<bool, JsonError> {
        let value = self.value.as_bool();
        value.ok_or_else(|| self.expected("true or false"))
    }

    /// A whole number that is not negative; also as a string, as in all JSON of protocol
    /// buffers.
    pub(crate) fn count(&self) -> Result<u64, JsonError> {
        let value = match self.value {
            Value::String(text) => text.parse().ok(),
            value => value.as_u64().or_else(|| {
                // `3.0` is the number 3.
                let value = value.as_f64().filter(|value| value.fract() == 0.0)?;
                (0.0..=9e15).contains(&value).then_some(value as u64)
            }),
        };
        value.ok_or_else(|| self.expected("a whole number from 0"))
    }

    /// The same, where 32 bits are enough.
    #[cfg(any(feature = "outlier", feature = "policies"))]
    pub(crate) fn count32(&self) -> Result<u32, JsonError> {
        let count = u32::try_from(self.count()?);
        count.map_err(|_| self.expected("a whole number from 0 to 4294967295"))
    }

    /// A number that is not negative.
    #[cfg(feature = "policies")]
    pub(crate) fn amount(&self) -> Result<f64, JsonError> {
        let value = self.value.as_f64().filter(|value| *value >= 0.0);
        value.ok_or_else(|| self.expected("a number from 0"))
    }

    /// A number above zero.
    #[cfg(feature = "retry")]
    pub(crate) fn positive(&self) -> Result<f64, JsonError> {
        let value = self.value.as_f64().filter(|value| *value > 0.0);
        value.ok_or_else(|| self.expected("a number above 0"))
    }

    /// A duration that is not negative.
    pub(crate) fn duration(&self) -> Result<Duration, JsonError> {
        let parsed = self.value.as_str().and_then(duration::parse);
        parsed.ok_or_else(|| self.expected("a duration such as \"1.5s\""))
    }

    /// A duration that is not zero either.
    pub(crate) fn positive_duration(&self) -> Result<Duration, JsonError> {
        let parsed = self.value.as_str().and_then(duration::parse);
        let parsed = parsed.filter(|duration| !duration.is_zero());
        parsed.ok_or_else(|| self.expected("a duration above 0 such as \"1.5s\""))
    }
}

/// How a value is shown to its author.
struct Found<'a>(&'a Value);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Array(values) if values.is_empty() => f.write_str("an empty list"),
            Value::Array(_) => f.write_str("a list"),
            Value::Object(fields) if fields.len() == 1 => f.write_str("an object with one field"),
            Value::Object(fields) => write!(f, "an object with {} fields", fields.len()),
            value => value.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
