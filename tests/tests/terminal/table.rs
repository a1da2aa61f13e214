//! Whether tables are ones: every column of every table begins or ends at one place.

/// Words, numbers and what else has no two blanks in it: where each begins and ends.
fn cells(line: &str) -> Vec<(usize, usize)> {
    let mut cells: Vec<(usize, usize)> = Vec::new();
    for (at, c) in line.chars().enumerate() {
        if c == ' ' {
            continue;
        }
        match cells.last_mut() {
            Some((_, end)) if at <= *end + 1 => *end = at + 1,
            _ => cells.push((at, at + 1)),
        }
    }
    cells
}

/// Which columns of which tables are not aligned. A table is a line of capital letters and
/// the lines up to an empty one.
pub(crate) fn faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for block in text.split("\n\n") {
        let lines: Vec<&str> = block.lines().collect();
        let is_heading =
            |line: &str| cells(line).len() > 1 && !line.chars().any(char::is_lowercase);
        let Some(first) = lines.iter().position(|line| is_heading(line)) else {
            continue;
        };
        let heading = cells(lines[first]);
        let rows: Vec<_> = lines[first + 1..].iter().map(|line| cells(line)).collect();
        for (row, line) in rows.iter().zip(&lines[first + 1..]) {
            if row.len() != heading.len() {
                faults.push(format!(
                    "{line:?} has not the columns of {:?}",
                    lines[first]
                ));
            }
        }
        for (i, (begin, end)) in heading.iter().enumerate() {
            let of = |row: &Vec<(usize, usize)>| row.get(i).copied();
            let left = rows.iter().filter_map(of).all(|(at, _)| at == *begin);
            let right = rows.iter().filter_map(of).all(|(_, at)| at == *end);
            if !left && !right {
                faults.push(format!("column {i} of {:?} is not aligned", lines[first]));
            }
        }
    }
    faults
}

#[test]
fn what_is_not_aligned_is_found() {
    let good = "lookaside 1: x\n\nNAME  N  STATE\na     1  it is up\nbcd  12  down\n";
    assert_eq!(faults(good), [""; 0]);
    for bad in [
        "NAME  N\na    1\n",
        "NAME  N\na     1  x\n",
        "NAME  COUNT\na     1\nb      20\n",
    ] {
        assert_eq!(faults(bad).len(), 1, "{bad}");
    }
}
