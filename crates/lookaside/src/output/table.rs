use std::fmt;

use super::colour::{self, Tone};

/// Which end of a column its cells stand at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Aligned columns under a heading, two spaces apart.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table. A heading that ends in digits or units is the caller's business:
    /// numbers stand right, words left.
    pub(crate) fn new(columns: &[(&str, Align)]) -> Self {
        Self {
            columns: columns
                .iter()
                .map(|(name, align)| ((*name).to_owned(), *align))
                .collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; missing cells are empty.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn widths(&self) -> Vec<usize> {
        let of_column = |(i, (name, _)): (usize, &(String, Align))| {
            let cells = self.rows.iter().filter_map(|row| row.get(i));
            let widest = cells.map(|cell| width(cell)).max().unwrap_or(0);
            widest.max(width(name))
        };
        self.columns.iter().enumerate().map(of_column).collect()
    }
}

impl Table {
    /// The lines, with colours or without.
    pub(super) fn render(&self, colours: bool) -> String {
        let widths = self.widths();
        let heading: Vec<_> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let mut text = String::new();
        for (y, row) in std::iter::once(&heading).chain(&self.rows).enumerate() {
            // Blanks between cells wait until something follows them: none end a line.
            let mut blanks = 0;
            for (i, ((name, align), wanted)) in self.columns.iter().zip(&widths).enumerate() {
                let cell = row.get(i).map_or("", String::as_str);
                let pad = wanted.saturating_sub(width(cell));
                let (before, after) = match align {
                    Align::Left => (0, pad),
                    Align::Right => (pad, 0),
                };
                blanks += before + if i > 0 { 2 } else { 0 };
                if cell.is_empty() {
                    blanks += after;
                    continue;
                }
                text.extend(std::iter::repeat_n(' ', blanks));
                blanks = after;
                match tone(y, name, cell).filter(|_| colours) {
                    Some(tone) => text.push_str(&tone.paint(cell)),
                    None => text.push_str(cell),
                }
            }
            text.push('\n');
        }
        text
    }
}

/// What to point out: headings, and the words of columns that say how something is.
fn tone(row: usize, column: &str, cell: &str) -> Option<Tone> {
    match (row, column) {
        (0, _) => Some(Tone::Heading),
        (_, "STATE" | "PLAN") => Tone::of(cell),
        (_, "PROBLEMS") if cell != "0" => Some(Tone::Odd),
        _ => None,
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(colour::on()))
    }
}

/// Names are ASCII nearly always; counting characters is right for most of the rest.
fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests;
