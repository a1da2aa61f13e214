use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use anyhow::Result;

use super::page::{Page, pages, repository};

/// `docs/guides` and `../lists.md` make `docs/lists.md`.
fn join(folder: &Path, target: &str) -> PathBuf {
    let mut joined = folder.to_owned();
    for part in Path::new(target).components() {
        match part {
            Component::ParentDir => {
                joined.pop();
            }
            Component::CurDir => {}
            other => joined.push(other),
        }
    }
    joined
}

/// What is wrong with a link.
fn fault(link: &str, from: &Page, pages: &BTreeMap<PathBuf, &Page>) -> Option<String> {
    if link.starts_with("https://") {
        return None;
    }
    if link.contains(':') {
        return Some("neither a file here nor https".to_owned());
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let path = if file.is_empty() {
        from.path.clone()
    } else {
        join(from.path.parent().unwrap_or_else(|| Path::new("")), file)
    };
    if !repository().join(&path).exists() {
        return Some(format!("there is no {}", path.display()));
    }
    let known = anchor.is_empty()
        || pages
            .get(&path)
            .is_some_and(|page| page.anchors.iter().any(|known| known == anchor));
    (!known).then(|| format!("{} has no heading for #{anchor}", path.display()))
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() -> Result<()> {
    let pages = pages()?;
    let by_path: BTreeMap<PathBuf, &Page> =
        pages.iter().map(|page| (page.path.clone(), page)).collect();
    let mut faults = Vec::new();
    let mut links = 0;
    for page in &pages {
        for (line, link) in &page.links {
            links += 1;
            if let Some(fault) = fault(link, page, &by_path) {
                faults.push(format!("{}:{line}: {link}: {fault}", page.path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(links > 100, "only {links} links were found");
    Ok(())
}

#[test]
fn every_document_can_be_reached_from_the_index() -> Result<()> {
    let pages = pages()?;
    let index = pages
        .iter()
        .find(|page| page.path == Path::new("docs/README.md"));
    let index = index.map(|page| page.links.as_slice()).unwrap_or_default();
    for page in pages.iter().filter(|page| page.path.starts_with("docs")) {
        let listed = index
            .iter()
            .any(|(_, link)| join(Path::new("docs"), link) == page.path);
        let is_index = page.path == Path::new("docs/README.md");
        assert!(
            listed || is_index,
            "docs/README.md does not list {}",
            page.path.display()
        );
    }
    Ok(())
}

#[test]
fn a_link_to_nowhere_is_found() {
    let page = Page::parse("docs/lists.md".into(), "# Here\n");
    let pages = BTreeMap::from([(page.path.clone(), &page)]);
    assert_eq!(fault("#here", &page, &pages), None);
    for wrong in [
        "#there",
        "none.md",
        "../docs/lists.md#there",
        "http://example.com",
    ] {
        assert!(fault(wrong, &page, &pages).is_some(), "{wrong}");
    }
}
