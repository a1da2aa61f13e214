//! Markdown files of the repository, and what is in them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A page.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// From the root of the repository.
    pub(crate) path: PathBuf,
    /// Where its links lead, and on which line they stand.
    pub(crate) links: Vec<(usize, String)>,
    /// What a link into it may name.
    pub(crate) anchors: Vec<String>,
    pub(crate) blocks: Vec<Block>,
}

/// A fenced block of code.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) line: usize,
    /// `sh`, `rust,no_run`; empty: none.
    pub(crate) language: String,
    pub(crate) text: String,
    /// What the comment right before it says that it needs.
    pub(crate) needs: Option<Vec<String>>,
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All pages.
pub(crate) fn pages() -> Result<Vec<Page>> {
    let mut paths = Vec::new();
    find(&repository(), Path::new(""), &mut paths)?;
    paths.sort();
    paths.into_iter().map(Page::read).collect()
}

fn find(root: &Path, within: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(root.join(within))? {
        let entry = entry?;
        let name = entry.file_name();
        let path = within.join(&name);
        let kind = entry.file_type()?;
        let skipped = ["target", "corpus", "node_modules"]
            .iter()
            .any(|skip| name == *skip);
        if kind.is_dir() && !skipped && !name.to_string_lossy().starts_with('.') {
            find(root, &path, found)?;
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    Ok(())
}

impl Page {
    fn read(path: PathBuf) -> Result<Self> {
        let text = fs::read_to_string(repository().join(&path));
        let text = text.with_context(|| path.display().to_string())?;
        Ok(Self::parse(path, &text))
    }

    pub(crate) fn parse(path: PathBuf, text: &str) -> Self {
        let mut page = Self {
            path,
            ..Self::default()
        };
        let mut heading: Option<String> = None;
        let mut block: Option<Block> = None;
        let mut comment: Option<Vec<String>> = None;
        let mut taken = BTreeMap::new();
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            let line = text[..range.start].matches('\n').count() + 1;
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push((line, dest_url.into_string()));
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    page.anchors
                        .push(anchor(&heading.take().unwrap_or_default(), &mut taken));
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    block = Some(Block {
                        line,
                        language: language.into_string(),
                        text: String::new(),
                        needs: comment.take(),
                    });
                }
                Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
                Event::Html(html) => comment = needs(&html),
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    } else if let Some(block) = &mut block {
                        block.text.push_str(&text);
                    }
                }
                Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => {}
                // Only what stands right before a block is about it.
                _ => comment = None,
            }
        }
        page
    }
}

/// `<!-- needs: etcd, docker -->`
fn needs(html: &str) -> Option<Vec<String>> {
    let inner = html.trim().strip_prefix("<!--")?.strip_suffix("-->")?;
    let list = inner.trim().strip_prefix("needs:")?.split(',');
    Some(list.map(|need| need.trim().to_owned()).collect())
}

/// As GitHub makes it of a heading.
fn anchor(heading: &str, taken: &mut BTreeMap<String, usize>) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
    let anchor: String = kept.collect::<String>().to_lowercase().replace(' ', "-");
    let before = taken.entry(anchor.clone()).or_default();
    *before += 1;
    match *before {
        1 => anchor,
        again => format!("{anchor}-{}", again - 1),
    }
}

#[test]
fn links_anchors_blocks_and_what_they_need_are_found() {
    let text = "# A `b` c!\n\n[x](y.md#z)\n\n## A b c\n\n<!-- needs: etcd, docker -->\n```sh\nls\n```\n\ntext\n\n```sh\npwd\n```\n";
    let page = Page::parse("p.md".into(), text);
    assert_eq!(page.links, [(3, "y.md#z".to_owned())]);
    assert_eq!(page.anchors, ["a-b-c", "a-b-c-1"]);
    let found: Vec<_> = page
        .blocks
        .iter()
        .map(|b| (b.text.as_str(), b.needs.clone()))
        .collect();
    let needs = vec!["etcd".to_owned(), "docker".to_owned()];
    assert_eq!(found, [("ls\n", Some(needs)), ("pwd\n", None)]);
}
