//! OpenMetrics 1.0 text, read strictly: what a scraper would take, and a bit less.

mod line;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};

pub use self::line::Sample;

/// What one `# TYPE` begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// As in `# TYPE`: a counter without its `_total`.
    pub name: String,
    /// `counter`, `gauge`, `histogram` or `info`.
    pub kind: String,
    /// What it says it means.
    pub help: String,
    /// `# UNIT`, if there is one.
    pub unit: Option<String>,
    /// In their order.
    pub samples: Vec<Sample>,
}

impl Family {
    /// The names of its labels; `le` of a histogram is none.
    pub fn labels(&self) -> BTreeSet<String> {
        let labels = self.samples.iter().flat_map(|sample| sample.labels.keys());
        let is_own = |label: &&String| self.kind != "histogram" || *label != "le";
        labels.filter(is_own).cloned().collect()
    }

    /// The names of its samples, as queries have them.
    pub fn sample_names(&self) -> Vec<String> {
        let suffixes: &[&str] = match self.kind.as_str() {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_count", "_sum"],
            "info" => &["_info"],
            _ => &[""],
        };
        let names = suffixes.iter().map(|it| format!("{}{it}", self.name));
        names.collect()
    }
}

/// All families of an exposition, by name.
///
/// # Errors
/// It breaks a rule of the format; says which and where.
pub fn parse(text: &str) -> Result<BTreeMap<String, Family>> {
    let body = text
        .strip_suffix("# EOF\n")
        .context("it does not end with # EOF")?;
    let mut families = BTreeMap::new();
    let mut current: Option<Family> = None;
    for (number, line) in body.lines().enumerate() {
        take(line, &mut current, &mut families)
            .with_context(|| format!("line {}: {line}", number + 1))?;
    }
    finish(current, &mut families)?;
    Ok(families)
}

fn take(
    line: &str,
    current: &mut Option<Family>,
    families: &mut BTreeMap<String, Family>,
) -> Result<()> {
    if let Some(rest) = line.strip_prefix("# ") {
        let mut words = rest.splitn(3, ' ');
        let (Some(word), Some(name), Some(value)) = (words.next(), words.next(), words.next())
        else {
            bail!("a comment that is none of HELP, TYPE and UNIT");
        };
        if current.as_ref().is_none_or(|family| family.name != name) {
            ensure!(word == "HELP", "a family begins with its HELP here");
            finish(current.take(), families)?;
            ensure!(
                !families.contains_key(name),
                "{name} comes twice, or its lines are not together"
            );
            *current = Some(Family {
                name: name.to_owned(),
                kind: String::new(),
                help: value.to_owned(),
                unit: None,
                samples: Vec::new(),
            });
            return Ok(());
        }
        let family = current.as_mut().context("no family")?;
        ensure!(family.samples.is_empty(), "{word} after a sample");
        match word {
            "TYPE" => family.kind = value.to_owned(),
            "UNIT" => family.unit = Some(value.to_owned()),
            _ => bail!("{word} twice"),
        }
        return Ok(());
    }
    let family = current.as_mut().context("a sample of no family")?;
    let sample = line::parse(line)?;
    ensure!(
        family.sample_names().contains(&sample.name),
        "no sample of {} {}",
        family.kind,
        family.name
    );
    family.samples.push(sample);
    Ok(())
}

fn finish(family: Option<Family>, families: &mut BTreeMap<String, Family>) -> Result<()> {
    let Some(family) = family else { return Ok(()) };
    check(&family).with_context(|| family.name.clone())?;
    families.insert(family.name.clone(), family);
    Ok(())
}

fn check(family: &Family) -> Result<()> {
    let kinds = ["counter", "gauge", "histogram", "info"];
    ensure!(
        kinds.contains(&family.kind.as_str()),
        "type {:?}",
        family.kind
    );
    if let Some(unit) = &family.unit {
        let suffix = format!("_{unit}");
        ensure!(family.name.ends_with(&suffix), "its unit is not its suffix");
    }
    ensure!(!family.name.ends_with("_total"), "the family of a counter");
    let mut seen = BTreeSet::new();
    for sample in &family.samples {
        let series = (&sample.name, &sample.labels);
        ensure!(seen.insert(series), "twice: {sample:?}");
        let counts = family.kind != "gauge";
        ensure!(!counts || sample.value >= 0.0, "below zero: {sample:?}");
    }
    if family.kind == "histogram" {
        histogram(family)?;
    }
    Ok(())
}

/// Buckets grow, end at infinity, and that one is the count.
fn histogram(family: &Family) -> Result<()> {
    let mut last: BTreeMap<BTreeMap<String, String>, (f64, f64)> = BTreeMap::new();
    let of = |suffix: &str| {
        let name = format!("{}{suffix}", family.name);
        family.samples.iter().filter(move |it| it.name == name)
    };
    for sample in of("_bucket") {
        let mut labels = sample.labels.clone();
        let bound = labels.remove("le").context("a bucket without le")?;
        let bound: f64 = bound.replace("+Inf", "inf").parse()?;
        let (below, count) = last.get(&labels).copied().unwrap_or((f64::MIN, 0.0));
        ensure!(bound > below, "buckets out of order: {sample:?}");
        ensure!(sample.value >= count, "buckets that shrink: {sample:?}");
        last.insert(labels, (bound, sample.value));
    }
    for sample in of("_count") {
        let end = last
            .remove(&sample.labels)
            .context("a count without buckets")?;
        ensure!(end == (f64::INFINITY, sample.value), "{sample:?}: {end:?}");
    }
    ensure!(last.is_empty(), "buckets without a count");
    Ok(())
}

#[cfg(test)]
mod tests;
