//! A crate's modules as they are written.

use std::{collections::BTreeMap, fs, path::Path};

use syn::{Attribute, Item, Meta, UseTree};

/// One module, with what tests and fuzz targets alone see taken out.
#[derive(Default)]
pub(crate) struct Module {
    pub(crate) items: Vec<Item>,
    pub(crate) children: BTreeMap<String, Module>,
    pub(crate) imports: BTreeMap<String, Vec<String>>,
    /// `use path::*`
    pub(crate) globs: Vec<Vec<String>>,
}

impl Module {
    /// A crate, from its `lib.rs`.
    pub(crate) fn load(file: &Path) -> Self {
        let folder = file.parent().expect("a folder");
        Self::read(file, folder)
    }

    /// A crate in one text.
    pub(crate) fn parse(text: &str) -> Self {
        let file = syn::parse_file(text).expect("Rust");
        Self::build(file.items, None)
    }

    fn read(file: &Path, folder: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        Self::build(parsed.items, Some(folder))
    }

    /// `folder`: where the files of its child modules are.
    fn build(items: Vec<Item>, folder: Option<&Path>) -> Self {
        let mut module = Self::default();
        for item in items {
            module.add(item, folder);
        }
        module
    }

    fn add(&mut self, item: Item, folder: Option<&Path>) {
        match item {
            Item::Mod(item) => {
                if is_inside(&item.attrs) {
                    return;
                }
                let name = item.ident.to_string();
                let below = folder.map(|folder| folder.join(&name));
                let child = match (item.content, folder) {
                    (Some((_, items)), _) => Self::build(items, below.as_deref()),
                    (None, Some(folder)) => {
                        let file = folder.join(format!("{name}.rs"));
                        let below = folder.join(&name);
                        if file.exists() {
                            Self::read(&file, &below)
                        } else {
                            Self::read(&below.join("mod.rs"), &below)
                        }
                    }
                    (None, None) => panic!("no file for mod {name}"),
                };
                self.children.insert(name, child);
            }
            Item::Use(item) => {
                if is_inside(&item.attrs) {
                    return;
                }
                self.import(&item.tree, &mut Vec::new());
                self.items.push(Item::Use(item));
            }
            // Fields, types and all: what it makes of them is its own.
            Item::Macro(item) if item.mac.path.is_ident("pin_project") => {
                let text = item.mac.tokens;
                let inner: syn::File = syn::parse2(text).expect("items in pin_project!");
                for item in inner.items {
                    self.add(item, folder);
                }
            }
            other if is_inside(attributes(&other)) => {}
            other => self.items.push(other),
        }
    }

    fn import(&mut self, tree: &UseTree, path: &mut Vec<String>) {
        for (name, path) in leaves(tree, path) {
            match name {
                Some(name) => drop(self.imports.insert(name, path)),
                None => self.globs.push(path),
            }
        }
    }
}

/// The names that a `use` brings, with their paths. Without a name: all there is.
pub(crate) fn leaves(tree: &UseTree, path: &mut Vec<String>) -> Vec<(Option<String>, Vec<String>)> {
    let with = |path: &[String], last: &str| {
        let mut path = path.to_vec();
        if last != "self" || path.is_empty() {
            path.push(last.to_owned());
        }
        path
    };
    match tree {
        UseTree::Path(tree) => {
            path.push(tree.ident.to_string());
            let found = leaves(&tree.tree, path);
            path.pop();
            found
        }
        UseTree::Name(tree) => {
            let path = with(path, &tree.ident.to_string());
            vec![(path.last().cloned(), path)]
        }
        UseTree::Rename(tree) => {
            let path = with(path, &tree.ident.to_string());
            vec![(Some(tree.rename.to_string()), path)]
        }
        UseTree::Glob(_) => vec![(None, path.clone())],
        UseTree::Group(group) => {
            let trees = group.items.iter();
            trees.flat_map(|tree| leaves(tree, path)).collect()
        }
    }
}

/// Only for tests, or hidden behind the feature of the fuzz targets.
fn is_inside(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string().replace(' ', "");
            condition == "test" || condition == "feature=\"fuzzing\""
        }
        _ => false,
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        _ => &[],
    }
}
