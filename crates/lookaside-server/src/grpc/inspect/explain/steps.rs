use lookaside_core::{Host, MAX_ADDRESSES_PER_BACKEND, Plan, Truncation};
use lookaside_proto::v1::{self, explain_response::Step};

use super::share::Share;
use crate::table::Published;

/// How a backend's share comes about, in order.
pub(super) fn steps(
    backend: &v1::Backend,
    service: &v1::Service,
    published: &Published,
    share: &Share,
) -> Vec<Step> {
    let mut steps = vec![
        step("registered", registered(backend, published)),
        step("overrides", overrides(backend, published)),
        step("address", address(backend, published)),
        step("state", state(backend)),
        step("health", health(backend, service)),
        step("plan", plan(service, published, share)),
    ];
    if let Plan::List(list) = &*published.plan {
        if backend.slots > 0 {
            steps.push(step("weight", weight(backend, share)));
        }
        let counted = slots(
            backend,
            share,
            list.largest_error(),
            list.truncation(),
            service,
        );
        steps.push(step("slots", counted));
        steps.push(step("drops", drops(service)));
    }
    steps.push(step("share", share_of(share, service)));
    steps
}

fn step(name: &str, text: String) -> Step {
    Step {
        name: name.to_owned(),
        text,
    }
}

/// The weight in its key, whatever was ordered since.
pub(super) fn registered_weight(backend: &v1::Backend, published: &Published) -> u32 {
    let sorted = &published.service.backends;
    let registered = sorted.binary_search_by(|it| it.id.as_str().cmp(&backend.id));
    registered.map_or(backend.weight, |index| sorted[index].weight)
}

fn registered(backend: &v1::Backend, published: &Published) -> String {
    let v1::Backend {
        key,
        revision,
        address,
        zone,
        ..
    } = backend;
    let weight = registered_weight(backend, published);
    let zone = match &**zone {
        "" => "no zone".to_owned(),
        zone => format!("zone {zone}"),
    };
    let was = match &*backend.state {
        "held" | "suspect" => " (which is gone)",
        _ => "",
    };
    format!("key {key}{was} at revision {revision}: {address}, weight {weight}, {zone}")
}

fn overrides(backend: &v1::Backend, published: &Published) -> String {
    let mut overrides = published.overrides.backends.iter();
    let ours = overrides.find(|(id, _)| id.as_str() == backend.id);
    let mut cordoned = published.cordoned.iter();
    let cordoned = cordoned.find(|it| it.id.as_str() == backend.id);
    let until = |expires: Option<std::time::SystemTime>| match expires {
        Some(expires) => format!(", until {}", humantime::format_rfc3339_seconds(expires)),
        None => String::new(),
    };
    let drain = ours.and_then(|(_, it)| it.drain.as_ref());
    let drain = drain.map(|it| ("drained".to_owned(), &it.note));
    let weight = ours.and_then(|(_, it)| it.weight.as_ref());
    let weight = weight.map(|it| (format!("weight {}", it.value), &it.note));
    let cordon = cordoned.map(|it| {
        let what = match it.elsewhere {
            0 => format!("cordoned with {}", it.place),
            elsewhere => {
                let place = &it.place;
                format!("all but {elsewhere} of its addresses cordoned with {place}")
            }
        };
        (what, &it.note)
    });
    let told = drain
        .into_iter()
        .chain(cordon)
        .chain(weight)
        .map(|(what, note)| {
            let (key, until) = (&note.key, until(note.expires));
            format!("{what} by {note} (key {key}{until})")
        });
    match told.collect::<Vec<_>>() {
        told if told.is_empty() => "none for this backend".to_owned(),
        told => told.join("; "),
    }
}

fn address(backend: &v1::Backend, published: &Published) -> String {
    let address = &backend.address;
    let mut backends = published.service.backends.iter();
    let registered = backends.find(|it| it.id.as_str() == backend.id);
    let is_ip = registered.is_none_or(|it| matches!(it.address.host(), Host::Ip(_)));
    match (&backend.resolved[..], is_ip) {
        (_, true) => format!("{address}, nothing to look up"),
        ([], false) => format!("{address} has no address: {}", backend.reason),
        ([one], false) => format!("{address} is {one}"),
        (several, false) => {
            let used = several.len().min(MAX_ADDRESSES_PER_BACKEND);
            let all = several.join(", ");
            format!("{address} is {all}: {used} of them share its weight")
        }
    }
}

fn state(backend: &v1::Backend) -> String {
    let v1::Backend { state, reason, .. } = backend;
    let since = backend.state_since.and_then(|it| it.try_into().ok());
    let since = since.map_or_else(String::new, |since: std::time::SystemTime| {
        format!(" since {}", humantime::format_rfc3339_seconds(since))
    });
    let reason = match &**reason {
        "" => String::new(),
        reason => format!(": {reason}"),
    };
    let consequence = match &**state {
        "serving" | "suspect" | "held" => "it can take calls",
        _ => "it gets no calls",
    };
    format!("{state}{since}{reason}; {consequence}")
}

fn health(backend: &v1::Backend, service: &v1::Service) -> String {
    let check = service.settings.iter().find(|it| it.name == "health");
    let check = check.map_or("none", |it| &it.value);
    if check == "none" {
        return "no health check is set up for the service".to_owned();
    }
    let all = backend.resolved.len();
    let verdict = match backend.ejections.len() {
        0 => "nothing is ejected".to_owned(),
        ejected => format!("{ejected} of {all} addresses are ejected"),
    };
    let panic = if service.panic {
        "; health is ignored, because too few addresses of the service are healthy"
    } else {
        ""
    };
    format!("{check}: {verdict}{panic}")
}

fn plan(service: &v1::Service, published: &Published, share: &Share) -> String {
    let v1::Service {
        plan_version,
        revision,
        reason,
        ..
    } = service;
    let reason = match &**reason {
        "" => String::new(),
        reason => format!(": {reason}"),
    };
    let what = match &*published.plan {
        Plan::List(_) => format!("a list of {}", count(share.backends, "backend")),
        Plan::Fallback(_) => "fallback, no list".to_owned(),
    };
    format!("plan {plan_version}, of revision {revision}: {what}{reason}")
}

fn weight(backend: &v1::Backend, share: &Share) -> String {
    format!(
        "{} of {}, the weights of all backends in the list: {:.3} %",
        backend.weight, share.total_weight, share.exact_percent
    )
}

fn slots(
    backend: &v1::Backend,
    share: &Share,
    largest_error: f64,
    truncation: Option<Truncation>,
    service: &v1::Service,
) -> String {
    let (slots, all) = (backend.slots, share.backend_slots);
    if slots == 0 {
        return format!("0 of {all}");
    }
    let fit = match truncation {
        Some(truncation) => truncation.to_string(),
        None if largest_error == 0.0 => "as few as give every weight its exact share".to_owned(),
        None => {
            let settings = service.settings.iter();
            let mut bounds = settings.filter(|it| it.name == "max_slots");
            let bound = bounds.next().map_or("max_slots", |it| &it.value);
            let off = share.percent - share.exact_percent;
            format!(
                "the weights do not fit into {bound} slots (max_slots) and are rounded, this one \
                 by {off:+.3} percentage points"
            )
        }
    };
    format!("{slots} of {all}, {:.3} %: {fit}", share.percent)
}

fn drops(service: &v1::Service) -> String {
    let source = service.settings.iter().find(|it| it.name == "drops");
    let source = source.map_or("", |it| &it.source);
    let all: Vec<_> = service
        .drops
        .iter()
        .map(|it| {
            let v1::Drop {
                category,
                percent,
                slots,
                actual_percent,
            } = it;
            let of = service.slots;
            format!("{category} {percent} % ({slots} of {of} slots, {actual_percent:.3} %)")
        })
        .collect();
    if all.is_empty() {
        "none".to_owned()
    } else {
        format!("{} by {source}", all.join(", "))
    }
}

fn share_of(share: &Share, service: &v1::Service) -> String {
    if service.plan == "fallback" {
        return "whatever clients' own resolvers make of it".to_owned();
    }
    let Share {
        percent,
        percent_of_all,
        ..
    } = share;
    format!("{percent:.3} % of the calls that are not dropped, {percent_of_all:.3} % of all calls")
}

fn count(n: usize, noun: &str) -> String {
    match n {
        1 => format!("1 {noun}"),
        n => format!("{n} {noun}s"),
    }
}
