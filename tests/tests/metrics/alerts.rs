//! `deploy/prometheus/alerts.yml` asks for metrics that there are, and says what to do.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use anyhow::{Context, Result};
use lookaside_tests::skip::run_if_installed;
use serde_json::Value;

use crate::{
    promql::{is_balanced, metrics, unknown},
    world::{everything, file, repository},
};

const FOLDER: &str = "deploy/prometheus";
const RULES: &str = "alerts.yml";
const RUNBOOK: &str = "docs/operating.md";

fn rules() -> Result<Vec<Value>> {
    let rules: Value = serde_saphyr::from_str(&file(&format!("{FOLDER}/{RULES}"))?)?;
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

/// What a file of unit tests expects of an alert at some time: whether it fires.
fn expected(name: &str) -> Result<BTreeMap<String, Vec<bool>>> {
    let tests: Value = serde_saphyr::from_str(&file(&format!("{FOLDER}/{name}"))?)?;
    let tests = tests["tests"].as_array().context("no tests")?;
    let checks = tests
        .iter()
        .filter_map(|test| test["alert_rule_test"].as_array());
    let mut expected: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    for check in checks.flatten() {
        let alerts = check["exp_alerts"].as_array().context("no exp_alerts")?;
        let fires = expected
            .entry(text(check, &["alertname"])?.to_owned())
            .or_default();
        fires.push(!alerts.is_empty());
    }
    Ok(expected)
}

fn unit_tests() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(repository().join(FOLDER))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.ends_with("_test.yml").then_some(name));
    }
    names.sort();
    Ok(names)
}

#[test]
fn every_alert_has_a_unit_test_in_which_it_is_quiet_first_and_fires_then() -> Result<()> {
    let mut tested = BTreeSet::new();
    for name in unit_tests()? {
        for (alert, fires) in expected(&name)? {
            assert_eq!(fires[..2], [false, true], "{alert}");
            assert!(tested.insert(alert.clone()), "{alert} comes twice");
        }
    }
    let alerts = rules()?;
    let alerts: BTreeSet<_> = alerts
        .iter()
        .map(|rule| text(rule, &["alert"]).map(str::to_owned))
        .collect::<Result<_>>()?;
    assert_eq!(tested, alerts);
    Ok(())
}

#[test]
fn promtool_takes_the_rules_and_their_unit_tests_pass() -> Result<()> {
    let folder = repository().join(FOLDER);
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let (rules, tests) = (path(RULES), unit_tests()?);
    let tests: Vec<String> = tests.iter().map(|name| path(name)).collect();
    let mut test = vec!["promtool", "test", "rules"];
    test.extend(tests.iter().map(String::as_str));
    for command in [&["promtool", "check", "rules", &rules][..], &test] {
        if let Some(ran) = run_if_installed(&["promtool", "--version"], command) {
            assert!(
                ran.status.success(),
                "{}{}",
                String::from_utf8_lossy(&ran.stdout),
                String::from_utf8_lossy(&ran.stderr)
            );
        }
    }
    Ok(())
}
