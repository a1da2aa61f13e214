use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result};
use serde_json::Value;

use super::page::{pages, repository};

/// `LookasideNotReady` is the section `lookaside-not-ready`.
fn section(alert: &str) -> String {
    let mut section = String::new();
    for letter in alert.chars() {
        if letter.is_uppercase() && !section.is_empty() {
            section.push('-');
        }
        section.extend(letter.to_lowercase());
    }
    section
}

#[test]
fn each_alert_has_a_section_that_says_what_to_do() -> Result<()> {
    let rules = fs::read_to_string(repository().join("deploy/prometheus/alerts.yml"))?;
    let rules: Value = serde_saphyr::from_str(&rules)?;
    let groups = rules["groups"].as_array().context("groups")?;
    let rules = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().into_iter().flatten());
    let alerts: BTreeSet<String> = rules
        .filter_map(|rule| rule["alert"].as_str())
        .map(section)
        .collect();
    let pages = pages()?;
    let guide = pages
        .iter()
        .find(|page| page.path == Path::new("docs/operating.md"));
    let guide = guide.context("docs/operating.md")?;
    let sections = guide
        .anchors
        .iter()
        .filter(|anchor| anchor.starts_with("lookaside-"));
    assert_eq!(sections.cloned().collect::<BTreeSet<_>>(), alerts);
    assert!(alerts.len() > 5, "{alerts:?}");
    Ok(())
}
