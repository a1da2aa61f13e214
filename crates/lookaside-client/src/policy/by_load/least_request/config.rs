use super::LeastRequest;
use crate::service_config::{JsonError, Node, document};

impl LeastRequest {
    /// Reads `{"choiceCount": 3}` (A48: less than 2 is refused, more than 10 is 10). What it
    /// does not say stays.
    pub(super) fn configured(self, json: &str) -> Result<Self, JsonError> {
        let document = document(json)?;
        let Some(choices) = Node::root(&document).field("choiceCount")? else {
            return Ok(self);
        };
        match choices.count32()? {
            0 | 1 => Err(choices.expected("a whole number from 2")),
            count => Ok(self.choice_count(count)),
        }
    }
}

#[cfg(test)]
mod tests;
