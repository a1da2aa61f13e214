//! `[access]`: who may do what.

use lookaside_server::{Access as Policy, Permission, Rule};
use serde::{Deserialize, Deserializer, de::Error};

use super::schema::Tls;

/// Who may do what.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Access {
    /// Whether peers on this machine may inspect and control. Default: yes.
    pub(crate) trust_loopback: bool,
    /// Without any, everything but control is open.
    rules: Option<Vec<AccessRule>>,
}

/// One of `[[access.rules]]`, and what it says in words.
#[derive(Clone, Debug, PartialEq, Eq)]
struct AccessRule(Rule, String);

impl Default for Access {
    fn default() -> Self {
        Self {
            trust_loopback: true,
            rules: None,
        }
    }
}

impl Access {
    /// Refuses rules that can never hold.
    pub(super) fn check(&self, tls: &Tls) -> Result<(), String> {
        if tls.client_ca.is_none() && self.policy().needs_certificates() {
            return Err(
                "access.rules with an identity need client certificates: set tls.client_ca"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// The rules in words.
    pub(super) fn described_rules(&self) -> String {
        let rules = self.rules.iter().flatten();
        let rules: Vec<_> = rules.map(|AccessRule(_, text)| text.as_str()).collect();
        rules.join("; ")
    }

    pub(super) fn policy(&self) -> Policy {
        let policy = match &self.rules {
            None => Policy::default(),
            Some(rules) => Policy::by_rules(rules.iter().map(|AccessRule(rule, _)| rule.clone())),
        };
        policy.trust_loopback(self.trust_loopback)
    }
}

impl<'de> Deserialize<'de> for AccessRule {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(from)?;
        let allow = text
            .allow
            .iter()
            .map(|permission| permission.parse::<Permission>())
            .collect::<Result<_, _>>()
            .map_err(|error| D::Error::custom(format!("allow: {error}")))?;
        let (identity, address) = (text.identity.as_deref(), text.address.as_deref());
        Rule::new(identity, address, text.services.as_deref(), allow)
            .map(|rule| Self(rule, text.describe()))
            .map_err(D::Error::custom)
    }
}

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    identity: Option<String>,
    address: Option<String>,
    services: Option<Vec<String>>,
    #[serde(default)]
    allow: Vec<String>,
}

impl Text {
    /// `identity spiffe://a/b at address 10.0.0.0/8 may balance on orders`
    fn describe(&self) -> String {
        let who = match (&self.identity, &self.address) {
            (Some(identity), Some(address)) => format!("identity {identity} at address {address}"),
            (Some(identity), None) => format!("identity {identity}"),
            (None, Some(address)) => format!("address {address}"),
            (None, None) => "nobody".to_owned(),
        };
        let on = match &self.services {
            Some(services) => format!(" on {}", services.join(", ")),
            None => String::new(),
        };
        format!("{who} may {}{on}", self.allow.join(", "))
    }
}

#[cfg(test)]
mod tests;
