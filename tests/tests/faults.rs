//! Each row of README's table of faults has its tests.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};

/// The first two cells of the rows of the table that begins with this heading.
fn table(page: &str, heading: &str) -> Result<BTreeMap<String, String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut lines = text.lines().skip_while(|line| !line.starts_with(heading));
    lines
        .next()
        .with_context(|| format!("no {heading:?} in {page}"))?;
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| {
        let mut cells = row.trim_matches('|').split(" | ").map(str::trim);
        let mut next = || cells.next().unwrap_or_default().to_owned();
        (next(), next())
    });
    Ok(cells.collect())
}

/// Whether a test of this name is in this file or directory of tests.
fn has(file: &str, test: &str) -> bool {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files = vec![tests.join(format!("{file}.rs"))];
    if let Ok(entries) = fs::read_dir(tests.join(file)) {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    let found = |path| fs::read_to_string(path).is_ok_and(|it| it.contains(&format!("fn {test}(")));
    files.iter().any(found)
}

#[test]
fn every_row_has_tests_and_they_are_there() -> Result<()> {
    let rows = table("README.md", "| what fails |")?;
    let tested = table("docs/faults.md", "| what fails |")?;
    let names = |table: &BTreeMap<String, String>| table.keys().cloned().collect::<Vec<_>>();
    assert!(rows.len() > 15, "{rows:?}");
    assert_eq!(names(&rows), names(&tested));
    for (row, tests) in tested {
        let tests: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "{row}: no test");
        for test in tests {
            let (file, name) = test.split_once("::").unwrap_or_default();
            assert!(has(file, name), "{row}: there is no test {test}");
        }
    }
    Ok(())
}
