//! `deploy/grafana/lookaside.json` asks for metrics that there are.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    promql::{is_balanced, metrics, unknown},
    world::{everything, file},
};

const PATH: &str = "deploy/grafana/lookaside.json";

/// What its panels and variables ask.
pub(crate) fn queries() -> Result<BTreeSet<String>> {
    let dashboard: Value = serde_json::from_str(&file(PATH)?)?;
    let targets = panels(&dashboard)?
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    let queries = targets
        .flatten()
        .filter_map(|target| target["expr"].as_str());
    Ok(queries.map(str::to_owned).collect())
}

fn panels(dashboard: &Value) -> Result<&Vec<Value>> {
    dashboard["panels"].as_array().context("no panels")
}

#[tokio::test]
async fn every_query_of_the_dashboard_names_metrics_that_are_exported() -> Result<()> {
    let families = everything().await?;
    let dashboard: Value = serde_json::from_str(&file(PATH)?)?;
    let mut asked = BTreeSet::new();
    let mut rows = Vec::new();
    for panel in panels(&dashboard)? {
        let title = panel["title"].as_str().context("no title")?;
        if panel["type"] == "row" {
            rows.push(title.to_owned());
            continue;
        }
        let targets = panel["targets"].as_array().context("no targets")?;
        assert!(!targets.is_empty(), "{title}");
        for target in targets {
            let query = target["expr"].as_str().context("no query")?;
            assert_eq!(unknown(query, &families), [""; 0], "{title}: {query}");
            assert!(is_balanced(query), "{title}: {query}");
            let named = metrics(query);
            assert!(!named.is_empty(), "{title}: {query}");
            asked.extend(named);
        }
    }
    for variable in dashboard["templating"]["list"].as_array().context("none")? {
        let query = variable["definition"].as_str().unwrap_or_default();
        assert_eq!(unknown(query, &families), [""; 0], "{query}");
    }
    assert_eq!(
        rows,
        [
            "Overview",
            "Per service",
            "Streams and connections",
            "Push latency",
            "Registry",
            "Health and suspects",
            "Process"
        ]
    );
    // What nobody looks at need not be measured.
    let left_out: Vec<_> = families
        .values()
        .filter(|family| !family.sample_names().iter().any(|it| asked.contains(it)))
        .map(|family| family.name.as_str())
        .collect();
    let elsewhere = [
        // Sums of what is shown by service, and flags that other series say, too.
        "lookaside_calls_finished",
        "lookaside_registry_stale",
        "lookaside_reports",
        "lookaside_services_unlabelled",
        "lookaside_state_write_failing",
    ];
    let forgotten: Vec<_> = left_out
        .iter()
        .filter(|name| !elsewhere.contains(name))
        .collect();
    assert!(forgotten.is_empty(), "on no panel: {forgotten:?}");
    Ok(())
}

#[test]
fn panels_have_ids_of_their_own_and_do_not_cover_each_other() -> Result<()> {
    let dashboard: Value = serde_json::from_str(&file(PATH)?)?;
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels(&dashboard)? {
        let title = &panel["title"];
        assert!(ids.insert(panel["id"].as_u64()), "{title}");
        let place = |name: &str| panel["gridPos"][name].as_u64().context("no place");
        let (x, y, w, h) = (place("x")?, place("y")?, place("w")?, place("h")?);
        assert!(x + w <= 24, "{title}");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{title} covers another one at {cell:?}");
        }
    }
    Ok(())
}
