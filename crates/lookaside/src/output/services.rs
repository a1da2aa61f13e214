use std::io::{self, Write};

use lookaside_proto::v1::{GetStatusResponse, Registry, ServiceSummary, registry::State};

use super::{
    format::{ago, count, duration},
    problems::write_problems,
    table::{Align, Table},
};

/// The balancer in a line, and its services in a table.
pub(crate) fn write_services(
    out: &mut impl Write,
    status: &GetStatusResponse,
    services: &[ServiceSummary],
) -> io::Result<()> {
    writeln!(out, "{}", balancer_line(status))?;
    if services.is_empty() {
        writeln!(out, "no services")?;
        return write_problems(out, &status.stray_problems);
    }
    let mut table = Table::new(&[
        ("SERVICE", Align::Left),
        ("BACKENDS", Align::Right),
        ("SLOTS", Align::Right),
        ("PLAN", Align::Left),
        ("STREAMS", Align::Right),
        ("CALLS", Align::Right),
        ("PROBLEMS", Align::Right),
    ]);
    for service in services {
        table.row([
            service.name.clone(),
            backends(service),
            service.slots.to_string(),
            service.plan.clone(),
            service.streams.to_string(),
            service.calls_started.to_string(),
            service.problems.to_string(),
        ]);
    }
    write!(out, "\n{table}")?;
    write_problems(out, &status.stray_problems)
}

fn backends(service: &ServiceSummary) -> String {
    match service.suspects {
        0 => service.backends.to_string(),
        suspects => format!("{} ({})", service.backends, count(suspects, "suspect")),
    }
}

/// A balancer in a line.
pub(crate) fn balancer_line(status: &GetStatusResponse) -> String {
    let mut parts = vec![if status.ready {
        format!("lookaside {}: ready", status.version)
    } else {
        let reason = &status.not_ready_reason;
        format!("lookaside {}: not ready ({reason})", status.version)
    }];
    if let Some(uptime) = duration(status.uptime) {
        parts.push(format!("up {}", ago(uptime)));
    }
    parts.push(count(status.open_streams, "stream"));
    if status.problems > 0 {
        parts.push(format!(
            "{} in the registry",
            count(status.problems, "problem")
        ));
    }
    if let Some(it) = &status.registry {
        parts.push(registry(it));
    }
    if let Some(signing) = signing(&status.token_keys) {
        parts.push(format!("tokens {signing}"));
    }
    parts.join(", ")
}

/// What is wrong with the way to the registry, for where [`balancer_line`] has no room.
pub(crate) fn registry_trouble(status: &GetStatusResponse) -> Option<String> {
    let registry = status.registry.as_ref()?;
    let error = &registry.error;
    match registry.state() {
        State::Stale => {
            let age = duration(registry.age).map(ago).unwrap_or_default();
            Some(format!("registry STALE for {age}: {error}"))
        }
        State::Connecting => Some(format!("registry not read yet: {error}")),
        State::Synced | State::Unspecified => None,
    }
}

/// What signs tokens; `None`: nothing does.
pub(super) fn signing(keys: &[String]) -> Option<String> {
    let (signing, others) = keys.split_first()?;
    let also = match others {
        [] => String::new(),
        others => format!(" (also in force: {})", others.join(", ")),
    };
    Some(format!("signed with key {signing}{also}"))
}

/// A registry in a line.
pub(super) fn registry(registry: &Registry) -> String {
    let Registry {
        url,
        revision,
        error,
        ..
    } = registry;
    let age = duration(registry.age).map(ago).unwrap_or_default();
    match registry.state() {
        State::Synced => format!("{url} at revision {revision}"),
        State::Stale => format!("{url} STALE for {age} at revision {revision} ({error})"),
        State::Connecting if error.is_empty() => format!("{url} connecting"),
        State::Connecting => format!("{url} connecting ({error})"),
        State::Unspecified => url.clone(),
    }
}
