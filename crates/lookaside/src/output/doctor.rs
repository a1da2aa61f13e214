use std::io::{self, Write};

use serde::Serialize;

use super::colour::painted;
use crate::doctor::{Counts, Finding, Verdict};

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
            Self::Skip => "SKIP",
        }
    }

    fn json(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

/// A line for each check, below it what to do, and a sum at the end.
pub(crate) fn write_findings(out: &mut impl Write, findings: &[Finding]) -> io::Result<()> {
    let widest = |of: fn(&Finding) -> usize| findings.iter().map(of).max().unwrap_or(0);
    let check = widest(|it| it.check.chars().count());
    for it in findings {
        let subject = match &*it.subject {
            "" => String::new(),
            subject => format!("{subject}: "),
        };
        let word = it.verdict.word();
        let (painted, pad) = (painted(word), " ".repeat(4 - word.len()));
        writeln!(
            out,
            "{painted}{pad}  {:<check$}  {subject}{}",
            it.check, it.message
        )?;
        if !it.advice.is_empty() {
            writeln!(out, "{:>1$}  -> {2}", "", check + 6, it.advice)?;
        }
    }
    let Counts {
        ok,
        warn,
        fail,
        skip,
    } = Counts::of(findings);
    let checks = ok + warn + fail;
    writeln!(
        out,
        "\n{checks} checks: {ok} ok, {warn} to look at, {fail} failed; {skip} not made"
    )
}

/// `lookaside doctor --json`
#[derive(Debug, Serialize)]
pub(crate) struct DoctorJson<'a> {
    /// Whether nothing failed.
    ok: bool,
    counts: CountsJson,
    findings: Vec<FindingJson<'a>>,
}

#[derive(Debug, Serialize)]
struct CountsJson {
    ok: usize,
    warn: usize,
    fail: usize,
    skip: usize,
}

#[derive(Debug, Serialize)]
struct FindingJson<'a> {
    result: &'static str,
    check: &'static str,
    subject: &'a str,
    message: &'a str,
    advice: &'a str,
}

impl<'a> DoctorJson<'a> {
    pub(crate) fn new(findings: &'a [Finding]) -> Self {
        let Counts {
            ok,
            warn,
            fail,
            skip,
        } = Counts::of(findings);
        Self {
            ok: fail == 0,
            counts: CountsJson {
                ok,
                warn,
                fail,
                skip,
            },
            findings: findings
                .iter()
                .map(|it| FindingJson {
                    result: it.verdict.json(),
                    check: it.check,
                    subject: &it.subject,
                    message: &it.message,
                    advice: &it.advice,
                })
                .collect(),
        }
    }
}
