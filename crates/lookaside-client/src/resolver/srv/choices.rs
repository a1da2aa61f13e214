use std::sync::Arc;

use serde_json::{Map, Value};

/// What a TXT record with a service config begins with (gRFC A2).
const PREFIX: &str = "grpc_config=";

/// As in `clientLanguage`.
const LANGUAGE: &str = "rust";

/// Whom a service config in DNS is chosen for (gRFC A2).
#[derive(Clone, Debug)]
pub(super) struct ChoiceOf {
    /// As in `clientHostname`, if it can be told.
    pub(super) hostname: Option<Arc<str>>,
    /// Choices for at least so many percent of the clients hold for this one. Drawn once, so
    /// that a client does not go back and forth.
    pub(super) percentile: u8,
}

impl ChoiceOf {
    pub(super) fn this_client() -> Self {
        Self {
            hostname: hostname(),
            percentile: fastrand::u8(1..=100),
        }
    }

    /// The service config, in JSON, among the texts of TXT records: of the first choice that
    /// holds for this client. An empty result: there is none.
    ///
    /// # Errors
    /// When there is a list of choices that is none.
    pub(super) fn choose(&self, texts: &[String]) -> Result<Option<Arc<str>>, String> {
        let Some(list) = texts.iter().find_map(|text| text.strip_prefix(PREFIX)) else {
            return Ok(None);
        };
        let wrong = |why: &dyn std::fmt::Display| format!("{PREFIX}... {why}");
        let choices: Vec<Map<String, Value>> =
            serde_json::from_str(list).map_err(|error| wrong(&error))?;
        for choice in &choices {
            if self.holds(choice).map_err(|why| wrong(&why))? {
                let config = choice.get("serviceConfig");
                let config = config.filter(|config| config.is_object());
                let config = config.ok_or_else(|| wrong(&"\"serviceConfig\" is no object"))?;
                return Ok(Some(config.to_string().into()));
            }
        }
        Ok(None)
    }

    fn holds(&self, choice: &Map<String, Value>) -> Result<bool, String> {
        let mut holds = true;
        if let Some(percentage) = choice.get("percentage").filter(|it| !it.is_null()) {
            let share = percentage.as_u64().filter(|share| *share <= 100);
            let share = share.ok_or("\"percentage\" is not 0 to 100")?;
            holds &= u64::from(self.percentile) <= share;
        }
        for (key, own) in [
            ("clientLanguage", Some(LANGUAGE)),
            ("clientHostname", self.hostname.as_deref()),
        ] {
            if let Some(names) = names(choice, key)? {
                let is_own = |name: &str| own.is_some_and(|own| name.eq_ignore_ascii_case(own));
                holds &= names.into_iter().any(is_own);
            }
        }
        Ok(holds)
    }
}

/// The names under a key, if it restricts anything: an empty list does not.
fn names<'a>(choice: &'a Map<String, Value>, key: &str) -> Result<Option<Vec<&'a str>>, String> {
    let wrong = || format!("{key:?} is no list of texts");
    let Some(value) = choice.get(key).filter(|it| !it.is_null()) else {
        return Ok(None);
    };
    let list = value.as_array().ok_or_else(wrong)?;
    let names: Option<Vec<_>> = list.iter().map(Value::as_str).collect();
    let names = names.ok_or_else(wrong)?;
    Ok((!names.is_empty()).then_some(names))
}

#[cfg(unix)]
fn hostname() -> Option<Arc<str>> {
    let name = rustix::system::uname();
    name.nodename().to_str().ok().map(Arc::from)
}

#[cfg(not(unix))]
fn hostname() -> Option<Arc<str>> {
    None
}

#[cfg(test)]
mod tests;
