use std::io::{self, Write};

use lookaside_proto::v1::Override;
use serde::Serialize;

use super::{
    format::{or_dash, timestamp},
    table::{Align, Table},
};

/// What operators ordered.
pub(crate) fn write_overrides(out: &mut impl Write, overrides: &[Override]) -> io::Result<()> {
    if overrides.is_empty() {
        return writeln!(out, "no overrides");
    }
    write!(out, "{}", overrides_table(overrides))
}

pub(super) fn overrides_table(overrides: &[Override]) -> Table {
    let mut table = Table::new(&[
        ("SERVICE", Align::Left),
        ("OVERRIDE", Align::Left),
        ("BACKEND", Align::Left),
        ("VALUE", Align::Left),
        ("BY", Align::Left),
        ("SINCE", Align::Left),
        ("UNTIL", Align::Left),
        ("REASON", Align::Left),
    ]);
    for it in overrides {
        table.row([
            it.service.clone(),
            it.kind.clone(),
            or_dash(&it.backend),
            it.value.clone(),
            or_dash(&it.by),
            timestamp(it.at).unwrap_or_else(|| "-".to_owned()),
            timestamp(it.expires).unwrap_or_else(|| "-".to_owned()),
            or_dash(&it.reason),
        ]);
    }
    table
}

/// `lookaside overrides --json`
pub(crate) fn write_overrides_json(
    out: &mut impl Write,
    overrides: &[Override],
) -> serde_json::Result<()> {
    #[derive(Serialize)]
    struct All<'a> {
        overrides: Vec<OverrideJson<'a>>,
    }
    let all = All {
        overrides: overrides.iter().map(OverrideJson::from).collect(),
    };
    serde_json::to_writer(&mut *out, &all)?;
    writeln!(out).map_err(serde_json::Error::io)
}

#[derive(Debug, Serialize)]
pub(super) struct OverrideJson<'a> {
    service: &'a str,
    kind: &'a str,
    backend: &'a str,
    value: &'a str,
    by: &'a str,
    reason: &'a str,
    at: Option<String>,
    expires: Option<String>,
    key: &'a str,
    revision: i64,
}

impl<'a> From<&'a Override> for OverrideJson<'a> {
    fn from(it: &'a Override) -> Self {
        Self {
            service: &it.service,
            kind: &it.kind,
            backend: &it.backend,
            value: &it.value,
            by: &it.by,
            reason: &it.reason,
            at: timestamp(it.at),
            expires: timestamp(it.expires),
            key: &it.key,
            revision: it.revision,
        }
    }
}
