use super::P2c;
use crate::service_config::{JsonError, Node, document};

impl P2c {
    /// Reads `{"decayTime": "10s"}`. What it does not say stays.
    pub(super) fn configured(self, json: &str) -> Result<Self, JsonError> {
        let document = document(json)?;
        let decay = Node::root(&document).field("decayTime")?;
        let decay = decay.map(|node| node.positive_duration()).transpose()?;
        Ok(match decay {
            Some(decay) => self.decay(decay),
            None => self,
        })
    }
}

#[cfg(test)]
mod tests;
