use std::time::Duration;

use lookaside_core::{Drops, HealthCheck, OnEmpty, Probe, Settings};
use serde_json::{Map, Value, json};

/// Writes settings so that [`parse_settings`](super::parse_settings) reads the same;
/// what is not set is left out.
pub fn settings_json(settings: &Settings) -> String {
    let mut object = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            object.insert(key.to_owned(), value);
        }
    };
    let drops = &settings.drops;
    put(
        "drops",
        (!drops.as_slice().is_empty()).then(|| drops_value(drops)),
    );
    put("fallback", settings.fallback.then_some(Value::Bool(true)));
    put("on_empty", settings.on_empty.map(|it| word(it).into()));
    put("max_slots", settings.max_slots.map(|it| it.get().into()));
    put("report_interval", settings.report_interval.map(text));
    put("hold_down", settings.hold_down.map(text));
    put("health", settings.health.as_ref().map(health_value));
    Value::Object(object).to_string()
}

/// `[{"category":"overload","per_million":250000}]`
pub(crate) fn drops_value(drops: &Drops) -> Value {
    let drops = drops.as_slice().iter();
    drops
        .map(|drop| json!({ "category": &*drop.category, "per_million": drop.per_million }))
        .collect()
}

fn word(on_empty: OnEmpty) -> &'static str {
    match on_empty {
        OnEmpty::Fallback => "fallback",
        OnEmpty::Drop => "drop",
        OnEmpty::Hold => "hold",
    }
}

fn text(duration: Duration) -> Value {
    humantime::format_duration(duration).to_string().into()
}

fn health_value(check: &HealthCheck) -> Value {
    let mut object = json!({
        "interval": text(check.interval),
        "timeout": text(check.timeout),
        "eject_after": check.eject_after,
        "return_after": check.return_after,
        "dwell": text(check.dwell),
    });
    match &check.probe {
        Probe::Tcp => object["type"] = "tcp".into(),
        Probe::Grpc { service, tls } => {
            object["type"] = "grpc".into();
            object["service"] = (**service).into();
            object["tls"] = (*tls).into();
        }
    }
    object
}
