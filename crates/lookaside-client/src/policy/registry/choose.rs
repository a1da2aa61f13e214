use super::PolicyRegistry;
use crate::{
    policy::PolicyChoice,
    service_config::{JsonError, Node},
};

impl PolicyRegistry {
    /// The first policy of a list that is known here, with its configuration. The list is as
    /// in `loadBalancingConfig`: `[{"name": {configuration}}, ...]`. What comes after it is
    /// not looked at: it may be newer than this client.
    pub(crate) fn choose(&self, list: &Node<'_>) -> Result<PolicyChoice, JsonError> {
        let mut unknown = Vec::new();
        for entry in list.list("a list of policies")? {
            let (name, config) = entry.only_field("an object with one field, a policy's name")?;
            let Some(builder) = self.get(name) else {
                unknown.push(name);
                continue;
            };
            let parsed = builder.parse_config_among(&config.text(), self);
            return Ok(PolicyChoice {
                builder: builder.clone(),
                config: Some(parsed.map_err(|error| config.error(error))?),
            });
        }
        Err(list.error(format!(
            "none of its policies is known ({}); known are {}",
            unknown.join(", "),
            self.names().collect::<Vec<_>>().join(", "),
        )))
    }

    /// A policy by its name alone, whatever its case.
    pub(crate) fn choose_by_name(&self, name: &Node<'_>) -> Result<PolicyChoice, JsonError> {
        let text = name.string("a policy's name")?;
        let Some(builder) = self.get(&text.to_ascii_lowercase()) else {
            let known = self.names().collect::<Vec<_>>().join(", ");
            return Err(name.error(format!("{text:?} is not known; known are {known}")));
        };
        let config = builder.parse_config_among("{}", self);
        Ok(PolicyChoice {
            builder: builder.clone(),
            config: Some(config.map_err(|error| name.error(error))?),
        })
    }
}

#[cfg(test)]
mod tests;
