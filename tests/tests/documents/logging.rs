//! `docs/logging.md` has every line that is logged at `info` and above, and every field.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use anyhow::{Context, Result, ensure};
use lookaside_tests::Balancer;
use serde_json::{Map, Value};

use super::{
    events::{Event, Events, events},
    page::repository,
};

const PAGE: &str = "docs/logging.md";

/// What a line says of itself, so that no field can be called so.
const OF_EVERY_LINE: [&str; 6] = ["timestamp", "level", "target", "message", "span", "spans"];

/// The rows of the tables whose heads begin with `head`, by cells.
fn rows(head: &str) -> Result<Vec<Vec<String>>> {
    let page = fs::read_to_string(repository().join(PAGE)).context(PAGE)?;
    let mut rows = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        let Some(line) = line.strip_prefix("| ") else {
            inside = false;
            continue;
        };
        if line.starts_with(head) {
            inside = true;
        } else if inside && !line.starts_with("---") {
            let cells = line.trim_end().trim_end_matches('|').split('|');
            rows.push(cells.map(|cell| cell.trim().to_owned()).collect());
        }
    }
    Ok(rows)
}

fn names(cell: &str) -> BTreeSet<String> {
    let names = cell.split(',').map(|name| name.trim().trim_matches('`'));
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What the page says is logged.
fn described() -> Result<Events> {
    let mut described = Events::new();
    for row in rows("message")? {
        let [message, levels, fields, when] = &row[..] else {
            anyhow::bail!("{row:?} has not four cells");
        };
        ensure!(when.len() > 8, "{row:?} does not say when");
        let event = Event {
            levels: names(levels),
            fields: names(fields),
        };
        let message = message.trim_matches('`').to_owned();
        ensure!(
            described.insert(message.clone(), event).is_none(),
            "{message} comes twice"
        );
    }
    Ok(described)
}

fn described_fields() -> Result<BTreeMap<String, String>> {
    let mut fields = BTreeMap::new();
    for row in rows("field")? {
        let [named, meaning] = &row[..] else {
            anyhow::bail!("{row:?} has not two cells");
        };
        for name in names(named) {
            let before = fields.insert(name.clone(), meaning.clone());
            ensure!(before.is_none(), "{name} comes twice");
        }
    }
    Ok(fields)
}

#[test]
fn the_page_has_every_message_with_its_levels_and_fields_and_no_other() -> Result<()> {
    let (logged, described) = (events()?, described()?);
    ensure!(logged.len() > 50, "the sources were not read: {logged:?}");
    for (message, event) in &logged {
        let row = described.get(message);
        let row = row.with_context(|| format!("not on the page: {message:?} {event:?}"))?;
        assert_eq!(row, event, "{message}");
    }
    let gone: Vec<_> = described
        .keys()
        .filter(|it| !logged.contains_key(*it))
        .collect();
    assert!(gone.is_empty(), "nobody logs {gone:?}");
    Ok(())
}

#[test]
fn the_page_says_of_every_field_what_it_means() -> Result<()> {
    let logged: BTreeSet<String> = events()?
        .into_values()
        .flat_map(|event| event.fields)
        .collect();
    let described: BTreeSet<String> = described_fields()?.into_keys().collect();
    assert_eq!(described, logged);
    for name in OF_EVERY_LINE {
        assert!(!logged.contains(name), "{name} would be in a line twice");
    }
    Ok(())
}

/// The lines of a balancer that has lived through a little.
async fn lines() -> Result<Vec<Map<String, Value>>> {
    let mut balancer = Balancer::start(["--log-format", "json"]).await;
    balancer.process.terminate().await;
    let lines = balancer.process.stderr();
    let lines = lines
        .iter()
        .map(|line| serde_json::from_str(line).with_context(|| line.clone()));
    lines.collect()
}

#[tokio::test]
async fn a_line_in_json_has_its_fields_beside_what_every_line_has() -> Result<()> {
    let described = described()?;
    let lines = lines().await?;
    let mut messages = BTreeSet::new();
    for mut line in lines {
        let message = line["message"].as_str().context("no message")?.to_owned();
        for name in ["timestamp", "level", "target", "message"] {
            ensure!(line.remove(name).is_some(), "{message}: no {name}");
        }
        let row = described.get(&message).with_context(|| message.clone())?;
        for name in line.keys() {
            ensure!(row.fields.contains(name), "{message}: {name}");
        }
        messages.insert(message);
    }
    for message in ["serving clients", "reading the registry"] {
        ensure!(messages.contains(message), "{message}: {messages:?}");
    }
    Ok(())
}
