use std::io::{self, Write};

use super::{
    format::percent,
    table::{Align, Table},
};
use crate::probe::{Second, Tally};

/// What `probe` prints for people: a line a second, errors below it, a table at the end.
#[derive(Debug, Default)]
pub(crate) struct ProbeLines {
    total: Tally,
    headed: bool,
}

impl ProbeLines {
    /// One second.
    pub(crate) fn write(
        &mut self,
        out: &mut impl Write,
        second: &Second<'_>,
        tally: &Tally,
    ) -> io::Result<()> {
        if !self.headed {
            self.headed = true;
            writeln!(
                out,
                "{:>7}  {:<17}  {:<10}  {:>6}  {:>6}  ANSWERED BY",
                "TIME", "STATE", "MODE", "OK", "FAILED"
            )?;
        }
        self.total.add(tally);
        let backends: Vec<String> = tally
            .by_backend()
            .into_iter()
            .map(|(name, n)| format!("{name} {n}"))
            .collect();
        let line = format!(
            "{:>6.1}s  {:<17}  {:<10}  {:>6}  {:>6}  {}",
            second.t,
            second.state,
            second.mode,
            tally.succeeded(),
            tally.failed(),
            backends.join("  "),
        );
        writeln!(out, "{}", line.trim_end())?;
        for (error, n) in second.err {
            writeln!(out, "{n:>15} x {error}")?;
        }
        Ok(())
    }

    /// All of them together.
    pub(crate) fn write_total(&self, out: &mut impl Write) -> io::Result<()> {
        let (ok, failed) = (self.total.succeeded(), self.total.failed());
        let mut table = Table::new(&[
            ("BACKEND", Align::Left),
            ("CALLS", Align::Right),
            ("SHARE", Align::Right),
        ]);
        for (name, n) in self.total.by_backend() {
            let share = n as f64 * 100.0 / ok as f64;
            table.row([name.to_owned(), n.to_string(), percent(share)]);
        }
        writeln!(out, "\n{} calls, {failed} failed", ok + failed)?;
        if ok > 0 {
            write!(out, "{table}")?;
        }
        Ok(())
    }
}
