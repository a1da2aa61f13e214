use std::io::{self, Write};

use lookaside_proto::v1::{ListStreamsResponse, Stream};
use serde::Serialize;

use super::{
    format::{ago, count, duration, or_dash, seconds, timestamp},
    table::{Align, Table},
};

/// `lookaside streams --json`
#[derive(Debug, Serialize)]
pub(crate) struct StreamsJson<'a> {
    total: u32,
    streams: Vec<StreamJson<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct StreamJson<'a> {
    id: u64,
    service: &'a str,
    peer: &'a str,
    identity: &'a str,
    user_agent: &'a str,
    since: Option<String>,
    age_seconds: Option<f64>,
    state: &'a str,
    reason: &'a str,
    plan: &'a str,
    plan_version: u64,
    revision: i64,
    sent_at: Option<String>,
    sent_age_seconds: Option<f64>,
    rotation: u32,
    pushes: u64,
    unread_bytes: u64,
    reports: u64,
    calls_started: u64,
    reported_at: Option<String>,
}

impl<'a> From<&'a ListStreamsResponse> for StreamsJson<'a> {
    fn from(answer: &'a ListStreamsResponse) -> Self {
        Self {
            total: answer.total,
            streams: answer.streams.iter().map(StreamJson::from).collect(),
        }
    }
}

impl<'a> From<&'a Stream> for StreamJson<'a> {
    fn from(stream: &'a Stream) -> Self {
        Self {
            id: stream.id,
            service: &stream.service,
            peer: &stream.peer,
            identity: &stream.identity,
            user_agent: &stream.user_agent,
            since: timestamp(stream.since),
            age_seconds: seconds(stream.age),
            state: &stream.state,
            reason: &stream.reason,
            plan: &stream.plan,
            plan_version: stream.plan_version,
            revision: stream.revision,
            sent_at: timestamp(stream.sent_at),
            sent_age_seconds: seconds(stream.sent_age),
            rotation: stream.rotation,
            pushes: stream.pushes,
            unread_bytes: stream.unread_bytes,
            reports: stream.reports,
            calls_started: stream.calls_started,
            reported_at: timestamp(stream.reported_at),
        }
    }
}

/// The streams in a table, and how many there are beside them.
pub(crate) fn write_streams(out: &mut impl Write, answer: &ListStreamsResponse) -> io::Result<()> {
    if answer.streams.is_empty() {
        return writeln!(out, "no streams");
    }
    let mut table = Table::new(&[
        ("STREAM", Align::Right),
        ("SERVICE", Align::Left),
        ("PEER", Align::Left),
        ("USER AGENT", Align::Left),
        ("OPEN FOR", Align::Right),
        ("PLAN", Align::Left),
        ("REVISION", Align::Right),
        ("SENT AGO", Align::Right),
        ("ROTATION", Align::Right),
        ("PUSHES", Align::Right),
        ("REPORTS", Align::Right),
        ("CALLS", Align::Right),
        ("STATE", Align::Left),
    ]);
    for stream in &answer.streams {
        let age = |value| duration(value).map(ago).unwrap_or_default();
        let peer = match &*stream.identity {
            "" => or_dash(&stream.peer),
            identity => format!("{} {identity}", stream.peer),
        };
        let plan = match &*stream.plan {
            "slots" => stream.plan_version.to_string(),
            other => other.to_owned(),
        };
        let rotation = match &*stream.plan {
            "slots" => stream.rotation.to_string(),
            _ => "-".to_owned(),
        };
        let state = match &*stream.reason {
            "" => stream.state.clone(),
            reason => format!("{} ({reason})", stream.state),
        };
        table.row([
            stream.id.to_string(),
            stream.service.clone(),
            peer,
            or_dash(&stream.user_agent),
            age(stream.age),
            plan,
            stream.revision.to_string(),
            age(stream.sent_age),
            rotation,
            stream.pushes.to_string(),
            stream.reports.to_string(),
            stream.calls_started.to_string(),
            state,
        ]);
    }
    write!(out, "{table}")?;
    let shown = answer.streams.len();
    if u32::try_from(shown).unwrap_or(u32::MAX) < answer.total {
        let all = count(answer.total, "stream");
        writeln!(
            out,
            "\n{shown} of {all}: --limit shows more, --peer and a service narrow it down"
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
