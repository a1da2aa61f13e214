//! What came of orders.

use std::io::{self, Write};

use lookaside_proto::v1::{
    ClearOverrideResponse, EndStreamsProgress, Reloaded, SetOverrideResponse, reloaded::Outcome,
};
use serde::Serialize;

use super::{
    format::or_dash,
    table::{Align, Table},
};

/// A line, or an object on one.
pub(super) fn write_answer(
    out: &mut impl Write,
    json: bool,
    object: &impl Serialize,
    text: impl FnOnce() -> String,
) -> io::Result<()> {
    if json {
        serde_json::to_writer(&mut *out, object)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", text())?;
    }
    out.flush()
}

/// An override stands.
pub(crate) fn write_set(
    out: &mut impl Write,
    set: &SetOverrideResponse,
    json: bool,
) -> io::Result<()> {
    #[derive(Serialize)]
    struct Set<'a> {
        revision: i64,
        warning: &'a str,
    }
    let object = Set {
        revision: set.revision,
        warning: &set.warning,
    };
    write_answer(out, json, &object, || {
        format!("done, revision {}\n", set.revision)
    })
}

/// An override is gone.
pub(crate) fn write_cleared(
    out: &mut impl Write,
    cleared: &ClearOverrideResponse,
    json: bool,
) -> io::Result<()> {
    #[derive(Serialize)]
    struct Cleared<'a> {
        cleared: bool,
        warning: &'a str,
    }
    let object = Cleared {
        cleared: cleared.cleared,
        warning: &cleared.warning,
    };
    write_answer(out, json, &object, || match cleared.cleared {
        true => "done\n".to_owned(),
        false => "there was none\n".to_owned(),
    })
}

/// How far an order to end streams is.
pub(crate) fn write_ended(out: &mut impl Write, now: &EndStreamsProgress) -> io::Result<()> {
    let EndStreamsProgress {
        total, ended, gone, ..
    } = now;
    let gone = match gone {
        0 => String::new(),
        gone => format!(", {gone} had closed by themselves"),
    };
    writeln!(out, "ended {ended} of {total} streams{gone}")?;
    out.flush()
}

/// `lookaside end-streams --json`: an object a second.
pub(crate) fn write_ended_json(out: &mut impl Write, now: &EndStreamsProgress) -> io::Result<()> {
    #[derive(Serialize)]
    struct Ended {
        total: u32,
        ended: u32,
        gone: u32,
        done: bool,
    }
    let object = Ended {
        total: now.total,
        ended: now.ended,
        gone: now.gone,
        done: now.done,
    };
    write_answer(out, true, &object, String::new)
}

/// `lookaside reload`
pub(crate) fn write_reloaded(
    out: &mut impl Write,
    files: &[Reloaded],
    json: bool,
) -> io::Result<()> {
    #[derive(Serialize)]
    struct File<'a> {
        what: &'a str,
        file: &'a str,
        outcome: &'a str,
        detail: &'a str,
    }
    #[derive(Serialize)]
    struct All<'a> {
        files: Vec<File<'a>>,
    }
    let object = All {
        files: files
            .iter()
            .map(|it| File {
                what: &it.what,
                file: &it.file,
                outcome: outcome(it),
                detail: &it.detail,
            })
            .collect(),
    };
    write_answer(out, json, &object, || {
        if files.is_empty() {
            return "nothing to read again\n".to_owned();
        }
        let mut table = Table::new(&[
            ("WHAT", Align::Left),
            ("OUTCOME", Align::Left),
            ("FILE", Align::Left),
            ("DETAIL", Align::Left),
        ]);
        for it in files {
            table.row([
                it.what.clone(),
                outcome(it).to_owned(),
                or_dash(&it.file),
                or_dash(&it.detail),
            ]);
        }
        table.to_string()
    })
}

fn outcome(it: &Reloaded) -> &'static str {
    match it.outcome() {
        Outcome::Unspecified => "unknown",
        Outcome::Same => "same",
        Outcome::Changed => "changed",
        Outcome::Failed => "failed",
        Outcome::NeedsRestart => "needs_restart",
    }
}
