//! `docs/metrics.md` has every metric, and no other.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use crate::world::{everything, file};

const AGENT: &str = "## A backend's token check";

/// A row of the page.
#[derive(Debug, PartialEq)]
struct Row {
    kind: String,
    labels: BTreeSet<String>,
}

fn plain(cell: &str) -> &str {
    cell.trim().trim_matches('`')
}

/// The rows of the balancer's tables, by the name that queries use.
fn rows(page: &str) -> Result<BTreeMap<String, Row>> {
    let (page, _) = page.split_once(AGENT).context("the agent's part")?;
    let mut rows = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').collect();
        let [_, name, kind, labels, meaning, _] = cells[..] else {
            anyhow::bail!("{line} has not four cells");
        };
        assert!(
            meaning.trim().len() > 10,
            "{line} does not say what it means"
        );
        let labels = labels.split(',').map(plain).filter(|it| !it.is_empty());
        let row = Row {
            kind: plain(kind).to_owned(),
            labels: labels.map(str::to_owned).collect(),
        };
        let name = plain(name).to_owned();
        assert!(rows.insert(name, row).is_none(), "{line} comes twice");
    }
    Ok(rows)
}

#[tokio::test]
async fn the_page_has_every_metric_with_its_type_and_labels_and_no_other() -> Result<()> {
    let exported: BTreeMap<String, Row> = everything()
        .await?
        .into_iter()
        .map(|(name, family)| {
            let name = match family.kind.as_str() {
                "counter" => format!("{name}_total"),
                "info" => format!("{name}_info"),
                _ => name,
            };
            let row = Row {
                labels: family.labels(),
                kind: family.kind,
            };
            (name, row)
        })
        .collect();
    let described = rows(&file("docs/metrics.md")?)?;
    let missing: Vec<_> = exported
        .keys()
        .filter(|it| !described.contains_key(*it))
        .collect();
    assert!(missing.is_empty(), "not on the page: {missing:?}");
    for (name, row) in described {
        assert_eq!(exported.get(&name), Some(&row), "{name}");
    }
    Ok(())
}
