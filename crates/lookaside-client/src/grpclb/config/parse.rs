use lookaside_core::ServiceName;

use super::GrpclbConfig;
use crate::{
    PolicyRegistry,
    service_config::{JsonError, Node, document},
};

impl GrpclbConfig {
    /// Reads `{"childPolicy": [...], "serviceName": "...", "initialFallbackTimeout": "..."}`
    /// (A24). `policies`: those that a child may be.
    pub(crate) fn parse(json: &str, policies: &PolicyRegistry) -> Result<Self, JsonError> {
        let document = document(json)?;
        let root = Node::root(&document);
        let child = root.field("childPolicy")?;
        let timeout = root.field("initialFallbackTimeout")?;
        Ok(Self {
            child: match child {
                // An empty list is none, as everywhere in protocol buffers.
                Some(list) if list.list("a list of policies")?.is_empty() => None,
                child => child.map(|list| policies.choose(&list)).transpose()?,
            },
            service: match root.field("serviceName")? {
                Some(name) => service_name(&name)?,
                None => None,
            },
            fallback_timeout: timeout.map(|node| node.positive_duration()).transpose()?,
        })
    }
}

/// An empty name is none, as everywhere in protocol buffers.
fn service_name(node: &Node<'_>) -> Result<Option<ServiceName>, JsonError> {
    match node.string("a string")? {
        "" => Ok(None),
        name => ServiceName::new(name)
            .map(Some)
            .map_err(|error| node.error(error)),
    }
}

#[cfg(test)]
mod tests;
