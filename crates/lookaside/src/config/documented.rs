//! `docs/configuration.md` has every key of the schema, with its default; and its list of
//! variables and defaults is made here, from the code.
//!
//! `LOOKASIDE_WRITE=1 cargo test -p lookaside documented` writes that list.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use serde::Deserialize;

use super::{
    Config,
    env::{described, toml_of},
};

const BEGIN: &str =
    "<!-- made from the code: LOOKASIDE_WRITE=1 ./dev test -p lookaside documented -->\n";
const END: &str = "<!-- end -->\n";

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md")
}

fn page() -> String {
    fs::read_to_string(path()).unwrap()
}

/// `section.key`, or `key` at the top.
fn full(section: &str, key: &str) -> String {
    if section.is_empty() {
        key.to_owned()
    } else {
        format!("{section}.{key}")
    }
}

/// What stands in a code span, if a cell has nothing else.
fn code(cell: &str) -> Option<&str> {
    let inner = cell.trim().strip_prefix('`')?.strip_suffix('`')?;
    (!inner.contains('`')).then_some(inner)
}

/// The keys in the tables by hand, with the defaults that these give: from `## Top level` and
/// every `` ## `[section]` ``.
fn by_hand(page: &str) -> BTreeMap<String, Option<String>> {
    let mut found = BTreeMap::new();
    let mut section = None;
    let mut is_keys = false;
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            let named = heading
                .strip_prefix("`[")
                .and_then(|rest| rest.strip_suffix("]`"));
            section = named.or_else(|| (heading == "Top level").then_some(""));
        }
        let Some(section) = section else { continue };
        if !line.starts_with('|') {
            is_keys = false;
        } else if line.starts_with("| key |") {
            is_keys = true;
        } else if is_keys && !line.starts_with("| ---") {
            let mut cells = line.trim_matches('|').split(" | ");
            let names = cells.next().unwrap_or_default();
            let default = cells.next().and_then(code).map(str::to_owned);
            for name in names.split(',').filter_map(code) {
                let before = found.insert(full(section, name), default.clone());
                assert_eq!(before, None, "{section} {name} stands there twice");
            }
        }
    }
    found
}

/// The defaults as the code has them: `None` where there is none.
fn defaults() -> BTreeMap<String, Option<String>> {
    let config = Config::default();
    let mut found = BTreeMap::from([
        ("listen".to_owned(), Some(config.listen.to_string())),
        ("admin".to_owned(), Some(config.admin.to_string())),
        ("registry".to_owned(), Some(config.registry.to_string())),
    ]);
    // Sections stand four spaces deep in what `Debug` says, and their keys eight.
    let mut section = String::new();
    for line in format!("{config:#?}").lines() {
        let text = line.trim_start();
        let Some((name, value)) = text.split_once(": ") else {
            continue;
        };
        match line.len() - text.len() {
            4 => name.clone_into(&mut section),
            8 => {
                let value = value.trim_end_matches(',').trim_matches('"');
                let value = match value {
                    "None" => None,
                    // Words are written small in the file, numbers and times as they are.
                    _ if value.starts_with(char::is_uppercase) => Some(value.to_lowercase()),
                    _ => Some(value.to_owned()),
                };
                found.insert(full(&section, name), value);
            }
            _ => {}
        }
    }
    found
}

#[test]
fn every_key_is_described_and_every_described_key_is_one() {
    let described: Vec<String> = described()
        .map(|(section, key, _)| full(section, key))
        .collect();
    let mut by_hand = by_hand(&page());
    for key in &described {
        assert!(
            by_hand.remove(key).is_some(),
            "docs/configuration.md lacks {key}"
        );
    }
    assert_eq!(
        by_hand.keys().collect::<Vec<_>>(),
        <[&String; 0]>::default()
    );
}

#[test]
fn the_defaults_that_are_described_are_those_of_the_code() {
    let by_hand = by_hand(&page());
    let defaults = defaults();
    let mut table = toml::Table::new();
    for (section, key, _) in described() {
        let name = full(section, key);
        let said = by_hand.get(&name).cloned().flatten();
        let is = defaults
            .get(&name)
            .unwrap_or_else(|| panic!("no default of {name}"));
        // A default in words, as that of `limits.connections`, is none in the code.
        assert_eq!(said.is_some(), is.is_some(), "{name}: {said:?}, {is:?}");
        if let Some(said) = said {
            toml_of(&mut table, section, key, &said).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
    assert_eq!(Config::deserialize(table).unwrap(), Config::default());
}

#[test]
fn the_list_of_variables_is_made_from_the_code() {
    let defaults = defaults();
    let mut list = String::from("| key | variable | default |\n| --- | --- | --- |\n");
    for (section, key, variable) in described() {
        let name = full(section, key);
        let default = defaults[&name].as_ref();
        let default = default
            .map(|default| format!("`{default}`"))
            .unwrap_or_default();
        list.push_str(&format!("| `{name}` | `{variable}` | {default} |\n"));
    }
    let page = page();
    let (before, rest) = page.split_once(BEGIN).expect("the list's place");
    let (_, after) = rest.split_once(END).expect("the list's end");
    let made = format!("{before}{BEGIN}\n{list}\n{END}{after}");
    if env::var_os("LOOKASIDE_WRITE").is_some() {
        fs::write(path(), made).unwrap();
    } else {
        let how = "run: LOOKASIDE_WRITE=1 ./dev test -p lookaside documented";
        assert!(
            made == page,
            "the list in docs/configuration.md is out of date; {how}"
        );
    }
}
