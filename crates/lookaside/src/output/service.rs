use std::{
    io::{self, Write},
    time::SystemTime,
};

use lookaside_proto::v1::{Backend, LoadReport, Service};

use super::{
    format::{ago, count, duration, or_dash, percent},
    overrides::overrides_table,
    problems::write_problems,
    table::{Align, Table},
};

/// One service: what clients are told and why.
pub(crate) fn write_service(out: &mut impl Write, service: &Service) -> io::Result<()> {
    writeln!(out, "{}", headline(service))?;
    if !service.backends.is_empty() {
        write!(out, "\n{}", backends(&service.backends))?;
    }
    if !service.drops.is_empty() {
        let mut table = Table::new(&[
            ("DROP", Align::Left),
            ("WANTED", Align::Right),
            ("ACTUAL", Align::Right),
            ("SLOTS", Align::Right),
        ]);
        for drop in &service.drops {
            table.row([
                drop.category.clone(),
                percent(drop.percent),
                percent(drop.actual_percent),
                drop.slots.to_string(),
            ]);
        }
        write!(out, "\n{table}")?;
    }
    if let Some(reported) = service.reported.as_ref().filter(|sum| sum.reports > 0) {
        writeln!(out, "\n{}", calls(reported))?;
    }
    let set = service.settings.iter().filter(|it| it.source != "default");
    let set: Vec<_> = set.collect();
    if !set.is_empty() {
        let mut table = Table::new(&[
            ("SETTING", Align::Left),
            ("VALUE", Align::Left),
            ("FROM", Align::Left),
        ]);
        for setting in set {
            table.row([
                setting.name.clone(),
                setting.value.clone(),
                setting.source.clone(),
            ]);
        }
        write!(out, "\n{table}")?;
    }
    if !service.overrides.is_empty() {
        write!(out, "\n{}", overrides_table(&service.overrides))?;
    }
    write_problems(out, &service.problems)
}

/// A service in a line.
pub(crate) fn headline(service: &Service) -> String {
    let plan = if service.plan == "slots" {
        let list = count(service.slots, "slot");
        match service.largest_share_error {
            error if error >= 0.05 => format!("{list} (shares off by up to {error:.1} points)"),
            _ => list,
        }
    } else {
        service.plan.clone()
    };
    let reason = if service.reason.is_empty() {
        String::new()
    } else {
        format!(" ({})", service.reason)
    };
    let age = duration(service.age).map_or_else(String::new, |age| format!(", for {}", ago(age)));
    format!(
        "{}: {plan}{reason}{age}, plan {}, revision {}, {}",
        service.name,
        service.plan_version,
        service.revision,
        count(service.streams, "stream"),
    )
}

fn backends(backends: &[Backend]) -> Table {
    let mut table = Table::new(&[
        ("BACKEND", Align::Left),
        ("ADDRESS", Align::Left),
        ("WEIGHT", Align::Right),
        ("SLOTS", Align::Right),
        ("SHARE", Align::Right),
        ("ZONE", Align::Left),
        ("FOR", Align::Right),
        ("STATE", Align::Left),
        ("TOKEN", Align::Left),
    ]);
    for backend in backends {
        let resolved = backend.resolved.join(" ");
        let address = if resolved.is_empty() || resolved == backend.address {
            backend.address.clone()
        } else {
            format!("{} = {resolved}", backend.address)
        };
        let reason = match ejected_for(backend) {
            Some(age) => format!("{}; for {age}", backend.reason),
            None => backend.reason.clone(),
        };
        let state = if reason.is_empty() {
            backend.state.clone()
        } else {
            format!("{} ({reason})", backend.state)
        };
        table.row([
            backend.id.clone(),
            address,
            backend.weight.to_string(),
            backend.slots.to_string(),
            percent(backend.share_percent),
            or_dash(&backend.zone),
            or_dash(&in_its_state_for(backend)),
            state,
            or_dash(&backend.token),
        ]);
    }
    table
}

fn in_its_state_for(backend: &Backend) -> String {
    let since = backend.state_since.and_then(|it| it.try_into().ok());
    since.map_or_else(String::new, |since: SystemTime| {
        ago(since.elapsed().unwrap_or_default())
    })
}

/// How long the first of its addresses has been ejected.
fn ejected_for(backend: &Backend) -> Option<String> {
    let since = backend
        .ejections
        .iter()
        .filter_map(|it| it.since)
        .min_by_key(|it| it.seconds)?;
    let since = SystemTime::try_from(since).ok()?;
    Some(ago(since.elapsed().unwrap_or_default()))
}

fn calls(reported: &LoadReport) -> String {
    let mut text = format!(
        "reported by clients: {} started, {} finished, {} known received, {} failed to send",
        reported.calls_started,
        reported.calls_finished,
        reported.calls_known_received,
        reported.calls_failed_to_send,
    );
    for dropped in &reported.dropped {
        text.push_str(&format!(
            ", {} dropped ({})",
            dropped.calls, dropped.category
        ));
    }
    text
}
