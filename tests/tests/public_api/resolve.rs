//! What a path in a module means.

use std::{cell::Cell, collections::BTreeSet, slice};

use syn::{Item, Visibility};

use crate::{names, source::Module};

/// What a path leads to.
pub(crate) enum Found<'a> {
    /// Of the standard library, or of the language.
    Known,
    /// Of another crate, by its path there.
    Foreign(String),
    /// Of this crate: the module, and the item's name.
    Local(Vec<String>, &'a Item),
    /// A module of this crate.
    Module,
    /// Nothing that can be found.
    Nothing,
}

/// Looks paths up in one crate.
pub(crate) struct Resolver<'a> {
    pub(crate) root: &'a Module,
    /// Crates that can be named.
    pub(crate) others: &'a BTreeSet<String>,
    /// Of a search within a search: globs may name one another in circles.
    depth: Cell<u32>,
}

/// Deeper than any path of ours leads.
const DEEPEST: u32 = 24;

impl<'a> Resolver<'a> {
    pub(crate) fn new(root: &'a Module, others: &'a BTreeSet<String>) -> Self {
        let depth = Cell::default();
        Self {
            root,
            others,
            depth,
        }
    }

    /// `path` as it stands in the module `at`.
    pub(crate) fn find(&self, at: &[String], path: &[String]) -> Found<'a> {
        if self.depth.get() == DEEPEST {
            return Found::Nothing;
        }
        self.depth.set(self.depth.get() + 1);
        let found = self.search(at, path);
        self.depth.set(self.depth.get() - 1);
        found
    }

    fn search(&self, at: &[String], path: &[String]) -> Found<'a> {
        let Some((first, rest)) = path.split_first() else {
            return Found::Module;
        };
        match first.as_str() {
            "crate" => return self.inside(&[], rest),
            "self" => return self.inside(at, rest),
            "super" => {
                let parent = at.split_last().map_or(at, |(_, parent)| parent);
                // super::super
                return if rest.first().is_some_and(|next| next == "super") {
                    self.find(parent, rest)
                } else {
                    self.inside(parent, rest)
                };
            }
            _ => {}
        }
        match self.inside(at, path) {
            Found::Nothing if self.others.contains(first) => Found::Foreign(path.join("::")),
            Found::Nothing if names::is_known(first) => Found::Known,
            found => found,
        }
    }

    fn module(&self, at: &[String]) -> &'a Module {
        at.iter()
            .fold(self.root, |module, name| &module.children[name])
    }

    /// `path` from the module `at` on: its children, imports and items.
    fn inside(&self, at: &[String], path: &[String]) -> Found<'a> {
        let Some((first, rest)) = path.split_first() else {
            return Found::Module;
        };
        let module = self.module(at);
        if let Some(item) = module
            .items
            .iter()
            .find(|item| name(item).as_ref() == Some(first))
        {
            return Found::Local(at.to_vec(), item);
        }
        if module.children.contains_key(first) {
            return self.inside(&[at, slice::from_ref(first)].concat(), rest);
        }
        if let Some(import) = module.imports.get(first) {
            let path = [import.as_slice(), rest].concat();
            // `use http;` and `use http::{self, ..}` are no circle.
            return if import.first() == Some(first) && import.len() == 1 {
                Found::Foreign(path.join("::"))
            } else {
                self.find_import(at, first, &path)
            };
        }
        for glob in module.globs.iter().filter(|glob| glob[0] != *first) {
            if let Found::Module = self.find(at, glob) {
                match self.find(at, &[glob.as_slice(), path].concat()) {
                    Found::Nothing => {}
                    found => return found,
                }
            }
        }
        Found::Nothing
    }

    /// An import whose first word is the name it brings (`use named::named`) begins at a
    /// child module or another crate.
    fn find_import(&self, at: &[String], name: &str, path: &[String]) -> Found<'a> {
        let circular = path.first().is_some_and(|first| first == name)
            && !self.module(at).children.contains_key(name);
        if circular {
            Found::Foreign(path.join("::"))
        } else {
            self.find(at, path)
        }
    }
}

/// Of a named item.
pub(crate) fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// `pub`, and nothing behind it.
pub(crate) fn is_public(item: &Item) -> bool {
    let visibility = match item {
        Item::Const(item) => &item.vis,
        Item::Enum(item) => &item.vis,
        Item::ExternCrate(item) => &item.vis,
        Item::Fn(item) => &item.vis,
        Item::Static(item) => &item.vis,
        Item::Struct(item) => &item.vis,
        Item::Trait(item) => &item.vis,
        Item::Type(item) => &item.vis,
        Item::Union(item) => &item.vis,
        Item::Use(item) => &item.vis,
        _ => return false,
    };
    matches!(visibility, Visibility::Public(_))
}
