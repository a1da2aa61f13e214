mod columns;

use std::time::Duration;

use lookaside_proto::v1::Service;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::Line,
    widgets::{Cell, Paragraph, Row, Table, TableState},
};

use super::view::View;
use crate::output::{Tone, ago, balancer_line, headline, percent};

/// A share of 100 % is so many characters wide.
const BAR: f64 = 10.0;

const LIST_KEYS: &str = "q quit   up/down (k/j) choose   enter backends   s sort";
const SERVICE_KEYS: &str = "q quit   up/down (k/j) scroll   esc back";

/// Draws all of it.
pub(super) fn draw(frame: &mut Frame<'_>, view: &View, now: Duration, colours: bool) {
    let paint = Paint { colours };
    let [head, body, foot] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(header(view, now, paint)), head);
    let keys = match &view.open {
        None => {
            services(frame, body, view, paint);
            LIST_KEYS
        }
        Some(name) => {
            match view.opened() {
                Some(opened) => service(frame, body, view, opened, paint),
                None => {
                    let text = format!("{name}: waiting for the balancer to tell of it");
                    frame.render_widget(Paragraph::new(text), body);
                }
            }
            SERVICE_KEYS
        }
    };
    let keys = Line::styled(keys, Style::new().add_modifier(Modifier::DIM));
    frame.render_widget(Paragraph::new(keys), foot);
}

#[derive(Clone, Copy)]
struct Paint {
    colours: bool,
}

impl Paint {
    fn tone(self, tone: Option<Tone>) -> Style {
        let style = Style::new();
        match tone.filter(|_| self.colours) {
            Some(Tone::Heading) => style.add_modifier(Modifier::BOLD),
            Some(Tone::Good) => style.fg(Color::Green),
            Some(Tone::Odd) => style.fg(Color::Yellow),
            Some(Tone::Bad) => style.fg(Color::Red),
            Some(Tone::Faint) => style.add_modifier(Modifier::DIM),
            None => style,
        }
    }

    /// A cell in the colour of what it says.
    fn said(self, text: String) -> Cell<'static> {
        let style = self.tone(Tone::of(&text));
        Cell::new(text).style(style)
    }
}

fn header(view: &View, now: Duration, paint: Paint) -> Vec<Line<'static>> {
    let at = &view.balancer;
    let first = match &view.sample {
        None => format!("{at}: asking"),
        Some(sample) => format!("{at}: {}", balancer_line(&sample.status)),
    };
    let lost = view.lost.as_ref().map(|(since, why)| {
        let for_ = ago(now.saturating_sub(*since));
        let text = format!("NO ANSWER for {for_}, asking again: {why}");
        Line::styled(text, paint.tone(Some(Tone::Bad)))
    });
    // The first line may be too long for the terminal.
    let status = view.sample.as_ref().map(|it| &it.status);
    let trouble = status
        .and_then(crate::output::registry_trouble)
        .map(|text| Line::styled(text, paint.tone(Some(Tone::Odd))));
    vec![Line::raw(first), lost.or(trouble).unwrap_or_default()]
}

fn right(text: String) -> Line<'static> {
    Line::raw(text).right_aligned()
}

fn heading<const N: usize>(names: [(&str, bool); N]) -> Row<'static> {
    let cells = names.map(|(name, numbers)| match numbers {
        true => right(name.to_owned()),
        false => Line::raw(name.to_owned()),
    });
    Row::new(cells).style(Style::new().add_modifier(Modifier::BOLD))
}

fn services(frame: &mut Frame<'_>, area: Rect, view: &View, paint: Paint) {
    let rows = view.rows();
    if rows.is_empty() {
        let text = match view.sample {
            Some(_) => "no services",
            None => "",
        };
        frame.render_widget(Paragraph::new(text), area);
        return;
    }
    let columns = columns::that_fit(area.width, &rows);
    let heading = columns.iter().map(|it| {
        let mark = if Some(view.order) == it.order {
            "*"
        } else {
            ""
        };
        let text = format!("{}{mark}", it.heading);
        if it.right {
            right(text)
        } else {
            Line::raw(text)
        }
    });
    let heading = Row::new(heading).style(Style::new().add_modifier(Modifier::BOLD));
    let cells = rows
        .iter()
        .map(|row| Row::new(columns.iter().map(|it| (it.cell)(row, paint))));
    let widths = columns.iter().map(|it| it.width);
    let table = Table::new(cells, widths)
        .header(heading)
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut state = TableState::new().with_selected(view.selected());
    frame.render_stateful_widget(table, area, &mut state);
}

fn service(frame: &mut Frame<'_>, area: Rect, view: &View, service: &Service, paint: Paint) {
    let (calls, dropped) = view.rates_of(&service.name);
    let said = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), |it| format!("{it:.1}"));
    let (calls, dropped) = (said(calls), said(dropped));
    let mut lines = vec![
        Line::raw(headline(service)),
        Line::raw(format!(
            "calls a second {calls}, dropped a second {dropped}"
        )),
    ];
    for drop in &service.drops {
        let (wanted, actual) = (percent(drop.percent), percent(drop.actual_percent));
        let category = &drop.category;
        lines.push(Line::raw(format!(
            "drop {category}: {wanted} of all calls, {actual} in the list"
        )));
    }
    lines.push(Line::default());
    let above = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let [top, rest] =
        Layout::vertical([Constraint::Length(above), Constraint::Fill(1)]).areas(area);
    frame.render_widget(Paragraph::new(lines), top);
    frame.render_widget(backends(service, view.scroll, paint), rest);
}

fn backends(service: &Service, scroll: usize, paint: Paint) -> Table<'static> {
    let rows = service.backends.iter().skip(scroll).map(|it| {
        let state = match &*it.reason {
            "" => it.state.clone(),
            reason => format!("{} ({reason})", it.state),
        };
        let bar = (it.share_percent / 100.0 * BAR).round().clamp(0.0, BAR);
        Row::new([
            Cell::new(it.id.clone()),
            Cell::new(it.address.clone()),
            right(it.weight.to_string()).into(),
            right(it.slots.to_string()).into(),
            right(percent(it.share_percent)).into(),
            Cell::new("#".repeat(bar as usize)),
            paint.said(state),
        ])
    });
    let widths = [
        Constraint::Fill(2),
        Constraint::Fill(3),
        Constraint::Length(6),
        Constraint::Length(5),
        Constraint::Length(7),
        Constraint::Length(BAR as u16),
        Constraint::Fill(4),
    ];
    Table::new(rows, widths).header(heading([
        ("BACKEND", false),
        ("ADDRESS", false),
        ("WEIGHT", true),
        ("SLOTS", true),
        ("SHARE", true),
        ("", false),
        ("STATE", false),
    ]))
}
