//! Files of the repository, and YAML in them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::Value;

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(crate) fn read(path: &str) -> Result<String> {
    fs::read_to_string(repository().join(path)).with_context(|| path.to_owned())
}

/// Each document in a file.
pub(crate) fn documents(path: &str) -> Result<Vec<Value>> {
    let read = serde_saphyr::from_multiple(&read(path)?);
    read.with_context(|| format!("{path} is no YAML"))
}

pub(crate) fn document(path: &str) -> Result<Value> {
    let mut all = documents(path)?;
    anyhow::ensure!(all.len() == 1, "{path} has {} documents", all.len());
    Ok(all.remove(0))
}

/// The value at `/a/b`, or what is missing.
pub(crate) fn at<'a>(value: &'a Value, pointer: &str) -> Result<&'a Value> {
    let found = value.pointer(pointer);
    found.with_context(|| format!("no {pointer} in {value}"))
}

pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str> {
    let found = at(value, pointer)?;
    found
        .as_str()
        .with_context(|| format!("{pointer} is no text in {value}"))
}

/// The entries of a list; none where there is no such list.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

/// The texts of a list.
pub(crate) fn words<'a>(value: &'a Value, pointer: &str) -> Result<Vec<&'a str>> {
    let words = list(value, pointer).iter();
    let words = words.map(|word| word.as_str().with_context(|| format!("{word} is no text")));
    words.collect()
}

/// The version that images of ours are pinned to.
pub(crate) fn version() -> Result<String> {
    let manifest = read("Cargo.toml")?;
    let (_, package) = manifest
        .split_once("[workspace.package]")
        .context("no [workspace.package]")?;
    let version = package
        .lines()
        .find_map(|line| line.strip_prefix("version = \""));
    Ok(version
        .context("no version")?
        .trim_end_matches('"')
        .to_owned())
}

/// Whether an image is pinned: the workspace's version for ours, some version for others.
pub(crate) fn check_image(image: &str) -> Result<()> {
    let (name, tag) = image
        .rsplit_once(':')
        .context(format!("{image} has no tag"))?;
    if name == "lookaside" {
        anyhow::ensure!(tag == version()?, "{image} is not of this version");
    }
    let number = tag.trim_start_matches('v');
    anyhow::ensure!(
        number.starts_with(|c: char| c.is_ascii_digit()) && number.matches('.').count() >= 2,
        "{image} is not pinned to a version"
    );
    Ok(())
}
