//! `deploy/prometheus/alerts.yml` asks for metrics that there are, and says what to do.

use std::{collections::BTreeSet, path::Path, process::Command};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    promql::{is_balanced, metrics, unknown},
    world::{everything, file},
};

const PATH: &str = "deploy/prometheus/alerts.yml";
const TESTS: &str = "deploy/prometheus/alerts_test.yml";
const RUNBOOK: &str = "docs/operating.md";

fn rules() -> Result<Vec<Value>> {
    let rules: Value = serde_saphyr::from_str(&file(PATH)?)?;
    let groups = rules["groups"].as_array().context("no groups")?;
    let rules = groups.iter().filter_map(|group| group["rules"].as_array());
    Ok(rules.flatten().cloned().collect())
}

fn text<'a>(rule: &'a Value, path: &[&str]) -> Result<&'a str> {
    let value = path.iter().fold(rule, |value, key| &value[*key]);
    value
        .as_str()
        .with_context(|| format!("no {path:?} in {rule}"))
}

/// As pages show it: `LookasideRegistryStale` is `lookaside-registry-stale`.
fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for it in name.chars() {
        if it.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(it.to_ascii_lowercase());
    }
    kebab
}

#[tokio::test]
async fn every_rule_names_metrics_that_are_exported() -> Result<()> {
    let families = everything().await?;
    for rule in rules()? {
        let (name, query) = (text(&rule, &["alert"])?, text(&rule, &["expr"])?);
        assert_eq!(unknown(query, &families), [""; 0], "{name}: {query}");
        assert!(is_balanced(query), "{name}: {query}");
        let is_ours = !metrics(query).is_empty();
        assert!(is_ours || query.starts_with("up{"), "{name}: {query}");
    }
    Ok(())
}

#[test]
fn every_alert_has_a_severity_a_summary_and_a_section_of_the_operating_guide() -> Result<()> {
    let mut names = BTreeSet::new();
    for rule in rules()? {
        let name = text(&rule, &["alert"])?;
        assert!(names.insert(name.to_owned()), "{name} comes twice");
        let severity = text(&rule, &["labels", "severity"])?;
        assert!(["warning", "critical"].contains(&severity), "{name}");
        assert!(
            text(&rule, &["annotations", "summary"])?.ends_with('.'),
            "{name}"
        );
        assert!(
            text(&rule, &["annotations", "description"])?.ends_with('.'),
            "{name}"
        );
        // What has happened once is told at once; what is so, when it stays so.
        let happened = text(&rule, &["expr"])?.starts_with("increase(");
        assert_eq!(rule["for"].is_string(), !happened, "{name}");
        let runbook = format!("{RUNBOOK}#{}", kebab(name));
        assert_eq!(text(&rule, &["annotations", "runbook_url"])?, runbook);
    }
    assert!(names.len() >= 12, "{names:?}");
    Ok(())
}

#[test]
fn promtool_takes_the_rules_where_it_is_installed() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for arguments in [["check", "rules", PATH], ["test", "rules", TESTS]] {
        let ran = Command::new("promtool")
            .current_dir(&root)
            .args(arguments)
            .output();
        let Ok(output) = ran else {
            eprintln!("NOT CHECKED: promtool is not installed: {arguments:?}");
            // Its input is at least what it should be.
            let _: Value = serde_saphyr::from_str(&file(arguments[2])?)?;
            continue;
        };
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
    Ok(())
}
