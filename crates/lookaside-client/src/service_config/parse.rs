use super::{JsonError, MethodConfig, MethodTable, Node, ServiceConfig, document};
use crate::{PolicyRegistry, policy::PolicyChoice};

#[cfg(feature = "retry")]
use super::{RetryPolicy, ThrottleSettings};

impl ServiceConfig {
    /// Reads and checks a config. `policies`: those that it may ask for.
    pub(crate) fn parse(text: &str, policies: &PolicyRegistry) -> Result<Self, JsonError> {
        let document = document(text)?;
        let root = Node::root(&document);
        Ok(Self {
            policy: policy(&root, policies)?,
            methods: methods(&root)?.into(),
            #[cfg(feature = "retry")]
            throttling: match root.field("retryThrottling")? {
                Some(throttling) => Some(ThrottleSettings::parse(&throttling)?),
                None => None,
            },
            health_service: match root.field("healthCheckConfig")? {
                Some(health) => text_field(&health, "serviceName")?.map(Into::into),
                None => None,
            },
        })
    }
}

/// `loadBalancingConfig` counts; `loadBalancingPolicy` is its forerunner.
fn policy(root: &Node<'_>, policies: &PolicyRegistry) -> Result<Option<PolicyChoice>, JsonError> {
    let old = root.field("loadBalancingPolicy")?;
    if let Some(list) = root.field("loadBalancingConfig")? {
        return policies.choose(&list).map(Some);
    }
    let Some(name) = old else { return Ok(None) };
    // An enumeration in `service_config.proto`, whose zero says nothing.
    if matches!(name.string("a policy's name")?, "" | "UNSPECIFIED") {
        return Ok(None);
    }
    policies.choose_by_name(&name).map(Some)
}

fn methods(root: &Node<'_>) -> Result<MethodTable, JsonError> {
    let mut table = MethodTable::default();
    let Some(list) = root.field("methodConfig")? else {
        return Ok(table);
    };
    for node in list.list("a list of method configs")? {
        table.add(method(&node)?);
        // Without a name it is of no method.
        let names = node.field("name")?;
        let names = names.map(|names| names.list("a list of names"));
        for name in names.transpose()?.unwrap_or_default() {
            let service = text_field(&name, "service")?.unwrap_or_default();
            let method = text_field(&name, "method")?.unwrap_or_default();
            if service.is_empty() && !method.is_empty() {
                return Err(name.error(format!("method {method:?} without a service")));
            }
            table.name(service, method).map_err(|_| {
                name.error(match (service, method) {
                    ("", _) => "there is a default already".to_owned(),
                    (service, "") => format!("service {service:?} has a config already"),
                    (service, method) => {
                        format!("method {method:?} of service {service:?} has a config already")
                    }
                })
            })?;
        }
    }
    Ok(table)
}

fn method(node: &Node<'_>) -> Result<MethodConfig, JsonError> {
    let bytes = |name| node.field(name)?.map(|node| node.count()).transpose();
    Ok(MethodConfig {
        timeout: node
            .field("timeout")?
            .map(|node| node.duration())
            .transpose()?,
        wait_for_ready: node
            .field("waitForReady")?
            .map(|node| node.bool())
            .transpose()?,
        max_request: bytes("maxRequestMessageBytes")?,
        max_response: bytes("maxResponseMessageBytes")?,
        #[cfg(feature = "retry")]
        retry: match node.field("retryPolicy")? {
            Some(policy) => Some(RetryPolicy::parse(&policy)?.into()),
            None => None,
        },
    })
}

fn text_field<'a>(node: &Node<'a>, name: &str) -> Result<Option<&'a str>, JsonError> {
    node.field(name)?
        .map(|text| text.string("a string"))
        .transpose()
}

#[cfg(test)]
mod tests;
