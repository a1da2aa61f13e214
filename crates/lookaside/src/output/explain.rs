use std::io::{self, Write};

use lookaside_proto::v1::{ExplainResponse, ExplainedStream, explain_response::Step};
use serde::Serialize;

use super::{
    format::count,
    json::BackendJson,
    streams::StreamJson,
    table::{Align, Table},
};

/// `lookaside explain SERVICE BACKEND --json`
#[derive(Debug, Serialize)]
pub(crate) struct ExplanationJson<'a> {
    service: &'a str,
    summary: &'a str,
    backend: Option<BackendJson<'a>>,
    plan: &'a str,
    plan_version: u64,
    registered_weight: u32,
    weight: u32,
    total_weight: u64,
    exact_percent: f64,
    slots: u32,
    backend_slots: u32,
    list_slots: u32,
    share_percent: f64,
    share_of_all_percent: f64,
    steps: Vec<StepJson<'a>>,
    streams_total: u32,
    streams: Vec<ExplainedJson<'a>>,
}

#[derive(Debug, Serialize)]
struct StepJson<'a> {
    name: &'a str,
    text: &'a str,
}

#[derive(Debug, Serialize)]
struct ExplainedJson<'a> {
    stream: Option<StreamJson<'a>>,
    is_current: bool,
    first_slot: u32,
    first: &'a str,
    calls_before: Option<u32>,
    text: &'a str,
}

impl<'a> From<&'a ExplainResponse> for ExplanationJson<'a> {
    fn from(it: &'a ExplainResponse) -> Self {
        let step = |step: &'a Step| StepJson {
            name: &step.name,
            text: &step.text,
        };
        let stream = |it: &'a ExplainedStream| ExplainedJson {
            stream: it.stream.as_ref().map(StreamJson::from),
            is_current: it.is_current,
            first_slot: it.first_slot,
            first: &it.first,
            calls_before: it.calls_before,
            text: &it.text,
        };
        Self {
            service: &it.service,
            summary: &it.summary,
            backend: it.backend.as_ref().map(BackendJson::from),
            plan: &it.plan,
            plan_version: it.plan_version,
            registered_weight: it.registered_weight,
            weight: it.weight,
            total_weight: it.total_weight,
            exact_percent: it.exact_percent,
            slots: it.slots,
            backend_slots: it.backend_slots,
            list_slots: it.list_slots,
            share_percent: it.share_percent,
            share_of_all_percent: it.share_of_all_percent,
            steps: it.steps.iter().map(step).collect(),
            streams_total: it.streams_total,
            streams: it.streams.iter().map(stream).collect(),
        }
    }
}

/// The outcome in a line, how it comes about, and what clients have of it.
pub(crate) fn write_explanation(out: &mut impl Write, it: &ExplainResponse) -> io::Result<()> {
    writeln!(out, "{}", it.summary)?;
    let mut steps = Table::new(&[("STEP", Align::Left), ("WHAT IT COMES TO", Align::Left)]);
    for step in &it.steps {
        steps.row([step.name.clone(), step.text.clone()]);
    }
    write!(out, "\n{steps}")?;
    if !it.streams.is_empty() {
        let mut table = Table::new(&[
            ("STREAM", Align::Right),
            ("PEER", Align::Left),
            ("WHAT ITS CLIENT DOES", Align::Left),
        ]);
        for explained in &it.streams {
            let stream = explained.stream.as_ref();
            table.row([
                stream.map_or_else(String::new, |it| it.id.to_string()),
                stream.map_or_else(String::new, |it| it.peer.clone()),
                explained.text.clone(),
            ]);
        }
        write!(out, "\n{table}")?;
    }
    let shown = it.streams.len();
    if u32::try_from(shown).unwrap_or(u32::MAX) < it.streams_total {
        writeln!(out, "\n{shown} of {}", count(it.streams_total, "stream"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
