//! Results as a Markdown table.

/// Prints rows under headings, aligned.
pub fn print(headings: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells
            .chain([headings[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let line = |cells: Vec<String>| {
        let padded: Vec<String> = cells
            .iter()
            .enumerate()
            .map(|(i, cell)| format!("{cell:<w$}", w = width(i)))
            .collect();
        println!("| {} |", padded.join(" | "));
    };
    line(headings.iter().map(ToString::to_string).collect());
    line((0..headings.len()).map(|i| "-".repeat(width(i))).collect());
    for row in rows {
        line(row.clone());
    }
}

/// The middle one of some measurements.
pub fn median<T: Copy + PartialOrd>(values: &[T]) -> T {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).expect("comparable"));
    sorted[sorted.len() / 2]
}
