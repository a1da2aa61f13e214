use std::io::{self, Write};

use lookaside_proto::v1::Problem;

use super::table::{Align, Table};

/// Keys that could not be read, each with the reason; nothing where there are none.
pub(super) fn write_problems(out: &mut impl Write, problems: &[Problem]) -> io::Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[("PROBLEM WITH KEY", Align::Left), ("REASON", Align::Left)]);
    for problem in problems {
        table.row([problem.key.clone(), problem.reason.clone()]);
    }
    write!(out, "\n{table}")
}
