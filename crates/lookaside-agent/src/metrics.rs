//! How a backend stands and what tokens its calls had, as Prometheus metrics.

use std::fmt;

use lookaside_core::{BackendId, ServiceName};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet},
    metrics::MetricType,
    registry::Registry,
};
use tokio::sync::watch;

use crate::{Agent, AgentState, TokenCheck};

/// The registrations of a process's agents and the calls of its [`TokenCheck`], read when
/// somebody asks for the metrics: a call is counted no second time.
///
/// | metric | what |
/// | --- | --- |
/// | `lookaside_agent_registration{service,backend,state}` | 1 for what holds, else 0: `registering`, `registered`, `draining`, `lost`, `ended` |
/// | `lookaside_agent_calls_total{token,mode}` | calls by what their token was: `valid`, `unverified`, `missing`, `exempt`, or invalid because it is `malformed`, `foreign`, `unsigned` or of an `unknown_key` |
/// | `lookaside_agent_calls_refused_total{mode}` | of these, refused |
/// | `lookaside_agent_valid_calls_total{key}` | valid ones, by the key in the ring that signed |
///
/// ```
/// # use lookaside_agent::{Agent, TokenCheck};
/// # fn run(agent: &Agent, check: &TokenCheck) {
/// use lookaside_agent::PrometheusMetrics;
/// use prometheus_client::registry::Registry;
///
/// let mut registry = Registry::default();
/// PrometheusMetrics::default()
///     .agent(agent)
///     .tokens(check)
///     .register(&mut registry);
/// # }
/// ```
#[derive(Debug, Default)]
pub struct PrometheusMetrics {
    agents: Vec<Registered>,
    tokens: Option<TokenCheck>,
}

#[derive(Debug)]
struct Registered {
    service: ServiceName,
    backend: BackendId,
    state: watch::Receiver<AgentState>,
}

/// All of them, by [`AgentState::as_str`].
const STATES: [&str; 5] = ["registering", "registered", "draining", "lost", "ended"];

impl PrometheusMetrics {
    /// And how this agent stands, for as long as the registry of metrics lives.
    #[must_use]
    pub fn agent(mut self, agent: &Agent) -> Self {
        let (service, backend) = agent.identity();
        self.agents.push(Registered {
            service,
            backend,
            state: agent.state(),
        });
        self
    }

    /// And the calls of this check; the last one that is given counts.
    #[must_use]
    pub fn tokens(mut self, check: &TokenCheck) -> Self {
        self.tokens = Some(check.clone());
        self
    }

    /// To be called once a registry of metrics.
    pub fn register(self, registry: &mut Registry) {
        registry
            .sub_registry_with_prefix("lookaside_agent")
            .register_collector(Box::new(self));
    }
}

impl Registered {
    /// An agent that was dropped renews nothing, whatever it said last.
    fn state(&self) -> &'static str {
        match self.state.has_changed() {
            Ok(_) => self.state.borrow().as_str(),
            Err(_) => AgentState::Ended.as_str(),
        }
    }
}

impl Collector for PrometheusMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if !self.agents.is_empty() {
            registrations(&self.agents, &mut encoder)?;
        }
        match &self.tokens {
            Some(check) => tokens(check, &mut encoder),
            None => Ok(()),
        }
    }
}

fn registrations(agents: &[Registered], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let help = "How the backend stands with the registry: 1 for what holds.";
    let mut family = encoder.encode_descriptor("registration", help, None, MetricType::Gauge)?;
    for agent in agents {
        let holds = agent.state();
        for state in STATES {
            let labels = [
                ("service", agent.service.as_str()),
                ("backend", agent.backend.as_str()),
                ("state", state),
            ];
            family
                .encode_family(&labels)?
                .encode_gauge(&u32::from(state == holds))?;
        }
    }
    Ok(())
}

fn tokens(check: &TokenCheck, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let counts = check.counts();
    let mode = ("mode", check.mode().as_str());
    let by_token = [
        ("valid", counts.valid),
        ("unverified", counts.unverified),
        ("missing", counts.missing),
        ("exempt", counts.exempt),
        ("malformed", counts.malformed),
        ("foreign", counts.foreign),
        ("unsigned", counts.unsigned),
        ("unknown_key", counts.unknown_key),
    ];
    let by_token = by_token.map(|(token, calls)| ([("token", token), mode], calls));
    counters(encoder, "calls", "Calls by what their token was.", by_token)?;
    let refused = [([mode], counts.refused)];
    counters(
        encoder,
        "calls_refused",
        "Calls refused for their token.",
        refused,
    )?;
    let keys = counts.valid_by_key.iter();
    let keys = keys.map(|(key, calls)| ([("key", key.to_string())], *calls));
    let help = "Calls with a valid token, by the key that signed it.";
    counters(encoder, "valid_calls", help, keys)
}

/// A family of counters, by their labels.
fn counters<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    counts: impl IntoIterator<Item = (L, u64)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, count) in counts {
        family
            .encode_family(&labels)?
            .encode_counter::<[(&str, &str); 0], _, u64>(&count, None)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
