//! The columns of the table of services, and which of them a narrow terminal has room for.

use ratatui::{layout::Constraint, text::Line, widgets::Cell};

use super::{Paint, right};
use crate::{
    output::{Tone, count},
    top::view::{Order, ServiceRow},
};

/// So much of a service's name is worth more than the columns that can be left out.
const NAME: u16 = 16;

/// Of the table, between columns.
const GAP: u16 = 1;

/// A column.
#[derive(Clone, Copy)]
pub(super) struct Column {
    pub(super) heading: &'static str,
    /// What the services are in the order of when it has the mark.
    pub(super) order: Option<Order>,
    pub(super) right: bool,
    pub(super) width: Constraint,
    /// Which goes first where there is no room: the highest. 0: none goes.
    goes: u8,
    pub(super) cell: fn(&ServiceRow<'_>, Paint) -> Cell<'static>,
}

const fn number(
    heading: &'static str,
    width: u16,
    goes: u8,
    order: Option<Order>,
    cell: fn(&ServiceRow<'_>, Paint) -> Cell<'static>,
) -> Column {
    Column {
        heading,
        order,
        right: true,
        width: Constraint::Length(width),
        goes,
        cell,
    }
}

const COLUMNS: [Column; 9] = [
    Column {
        heading: "SERVICE",
        order: Some(Order::Name),
        right: false,
        width: Constraint::Fill(1),
        goes: 0,
        cell: |it, _| Cell::new(it.service.name.clone()),
    },
    Column {
        heading: "PLAN",
        order: None,
        right: false,
        width: Constraint::Length(8),
        goes: 0,
        cell: |it, paint| paint.said(it.service.plan.clone()),
    },
    number("BACKENDS", 9, 4, Some(Order::Backends), |it, _| {
        figure(it.service.backends)
    }),
    number("SLOTS", 6, 5, None, |it, _| figure(it.service.slots)),
    number("CALLS/S", 9, 0, Some(Order::Calls), |it, _| rate(it.calls)),
    number("DROPS/S", 9, 1, Some(Order::Drops), |it, _| rate(it.drops)),
    number("STREAMS", 8, 2, Some(Order::Streams), |it, _| {
        figure(it.service.streams)
    }),
    number("PROBLEMS", 8, 3, None, |it, _| figure(it.service.problems)),
    Column {
        heading: "",
        order: None,
        right: false,
        width: Constraint::Length(11),
        goes: 0,
        cell: |it, paint| Cell::new(note(it)).style(paint.tone(Some(Tone::Odd))),
    },
];

fn figure(n: u32) -> Cell<'static> {
    right(n.to_string()).into()
}

fn rate(rate: Option<f64>) -> Cell<'static> {
    let text = rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}"));
    let line: Line<'static> = right(text);
    line.into()
}

fn note(row: &ServiceRow<'_>) -> String {
    match row.service.suspects {
        0 => String::new(),
        suspects => count(suspects, "suspect"),
    }
}

/// Those that leave room for names. The last one is there when there is something in it.
pub(super) fn that_fit(width: u16, rows: &[ServiceRow<'_>]) -> Vec<Column> {
    let mut columns = COLUMNS.to_vec();
    if rows.iter().all(|row| note(row).is_empty()) {
        columns.pop();
    }
    let longest = rows.iter().map(|row| row.service.name.chars().count());
    let longest = longest.max().unwrap_or(0).max("SERVICE*".len());
    let name = u16::try_from(longest).unwrap_or(u16::MAX).min(NAME);
    let taken = |columns: &[Column]| -> u16 {
        let fixed = columns.iter().map(|it| match it.width {
            Constraint::Length(width) => width + GAP,
            _ => name,
        });
        fixed.sum::<u16>() - GAP
    };
    while taken(&columns) > width {
        let first = columns.iter().map(|it| it.goes).max().filter(|it| *it > 0);
        let Some(first) = first else { break };
        columns.retain(|it| it.goes != first);
    }
    columns
}
