use std::fmt;

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ok,
    /// Works, and should not stay so.
    Warn,
    /// Does not work, or will not for long.
    Fail,
    /// Not looked at, because nobody asked for it.
    Skip,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) verdict: Verdict,
    /// Which check.
    pub(crate) check: &'static str,
    /// Of what: a balancer, a service, a file; empty: of all of it.
    pub(crate) subject: String,
    /// What was found.
    pub(crate) message: String,
    /// What to do about it; empty if nothing.
    pub(crate) advice: String,
}

impl Finding {
    pub(super) fn new(
        verdict: Verdict,
        check: &'static str,
        subject: impl fmt::Display,
        message: impl Into<String>,
    ) -> Self {
        Self {
            verdict,
            check,
            subject: subject.to_string(),
            message: message.into(),
            advice: String::new(),
        }
    }

    pub(super) fn ok(
        check: &'static str,
        subject: impl fmt::Display,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Verdict::Ok, check, subject, message)
    }

    pub(super) fn warn(
        check: &'static str,
        subject: impl fmt::Display,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Verdict::Warn, check, subject, message)
    }

    pub(super) fn fail(
        check: &'static str,
        subject: impl fmt::Display,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Verdict::Fail, check, subject, message)
    }

    pub(super) fn skip(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(Verdict::Skip, check, "", message)
    }

    /// What to do about it.
    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }
}

/// How many checks went how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) ok: usize,
    pub(crate) warn: usize,
    pub(crate) fail: usize,
    pub(crate) skip: usize,
}

impl Counts {
    pub(crate) fn of(findings: &[Finding]) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            let count = match finding.verdict {
                Verdict::Ok => &mut counts.ok,
                Verdict::Warn => &mut counts.warn,
                Verdict::Fail => &mut counts.fail,
                Verdict::Skip => &mut counts.skip,
            };
            *count += 1;
        }
        counts
    }
}
