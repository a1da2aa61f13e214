//! A crate's public API: every path in it, judged.

use std::{cell::RefCell, collections::BTreeSet, slice};

use syn::{
    Attribute, Block, Expr, Fields, GenericParam, Generics, ImplItem, Item, ItemImpl, ItemMacro,
    Macro, Path, TraitItem, Type, TypePath, Visibility,
    visit::{self, Visit},
};

use crate::{
    allowed,
    resolve::{Found, Resolver, is_public, name},
    source::{Module, leaves},
};

/// Of which items.
pub(crate) enum Scope {
    All,
    /// Those with these names, and what they name.
    Named(BTreeSet<String>),
}

/// What was found.
#[derive(Default)]
pub(crate) struct Surface {
    faults: BTreeSet<String>,
    used: BTreeSet<&'static str>,
    /// Of crates of ours: `lookaside_core::ConnectivityState`.
    ours: BTreeSet<String>,
    /// Public items of this crate.
    reached: BTreeSet<String>,
}

impl Surface {
    pub(crate) fn of(
        package: &str,
        root: &Module,
        others: &BTreeSet<String>,
        scope: &Scope,
    ) -> Self {
        let mut reached = match scope {
            Scope::All => return Self::walk(package, root, others, None),
            Scope::Named(names) => names.clone(),
        };
        loop {
            let surface = Self::walk(package, root, others, Some(&reached));
            let before = reached.len();
            reached.extend(surface.reached.iter().cloned());
            if reached.len() == before {
                return surface;
            }
        }
    }

    fn walk(
        package: &str,
        root: &Module,
        others: &BTreeSet<String>,
        only: Option<&BTreeSet<String>>,
    ) -> Self {
        let found = RefCell::default();
        let resolver = Resolver::new(root, others);
        walk_module(&resolver, root, &[package.to_owned()], &[], only, &found);
        found.into_inner()
    }

    /// In words, sorted.
    pub(crate) fn faults(&self) -> Vec<&str> {
        self.faults.iter().map(String::as_str).collect()
    }

    /// The entries of the list that were of use.
    pub(crate) fn used(&self) -> &BTreeSet<&'static str> {
        &self.used
    }

    /// The names taken from a crate of ours.
    pub(crate) fn taken_from(&self, name: &str) -> BTreeSet<String> {
        let paths = self.ours.iter().filter_map(|path| path.split_once("::"));
        let of_it = paths.filter(|(from, _)| *from == name);
        of_it.map(|(_, rest)| rest.to_owned()).collect()
    }

    /// Adds what was found in another crate.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.faults.extend(other.faults);
        self.used.extend(other.used);
    }
}

fn walk_module(
    resolver: &Resolver<'_>,
    module: &Module,
    shown: &[String],
    at: &[String],
    only: Option<&BTreeSet<String>>,
    found: &RefCell<Surface>,
) {
    for item in &module.items {
        let mut walk = Walk {
            resolver,
            at: at.to_vec(),
            found,
            place: shown.join("::"),
            generics: Vec::new(),
        };
        walk.item(item, only);
    }
    for (name, child) in &module.children {
        let shown = [shown, slice::from_ref(name)].concat();
        let at = [at, slice::from_ref(name)].concat();
        walk_module(resolver, child, &shown, &at, only, found);
    }
}

/// Within one item.
struct Walk<'a> {
    resolver: &'a Resolver<'a>,
    at: Vec<String>,
    found: &'a RefCell<Surface>,
    place: String,
    /// Names that parameters have.
    generics: Vec<String>,
}

impl Walk<'_> {
    fn item(&mut self, item: &Item, only: Option<&BTreeSet<String>>) {
        match item {
            Item::Impl(item) => self.implementation(item, only),
            // Of a crate of ours that is taken in part, this is no part.
            Item::Macro(_) | Item::ForeignMod(_) | Item::Verbatim(_) if only.is_some() => {}
            Item::Macro(item) if item.ident.is_some() => self.own_macro(item),
            Item::Macro(item) => {
                let name = text(&item.mac.path);
                self.fault(&format!("{name}!: what it makes cannot be checked"));
            }
            Item::ForeignMod(_) | Item::TraitAlias(_) | Item::Verbatim(_) => {
                self.fault("an item of a kind that cannot be checked");
            }
            Item::Use(item) if only.is_none() && is_public_use(&item.vis) => {
                for (name, path) in leaves(&item.tree, &mut Vec::new()) {
                    match name {
                        Some(_) => self.path(&path),
                        None => self.glob(&path),
                    }
                }
            }
            Item::ExternCrate(_) if is_public(item) => self.fault("a whole crate re-exported"),
            item if is_public(item) => {
                let name = name(item).unwrap_or_default();
                if only.is_none_or(|only| only.contains(&name)) {
                    self.place = format!("{}::{name}", self.place);
                    self.definition(item);
                }
            }
            _ => {}
        }
    }

    fn own_macro(&self, item: &ItemMacro) {
        let mut attributes = item.attrs.iter();
        if attributes.any(|attribute| attribute.path().is_ident("macro_export")) {
            self.fault("a macro in the API: what it names cannot be checked");
        }
    }

    fn definition(&mut self, item: &Item) {
        match item {
            Item::Const(item) => self.visit_type(&item.ty),
            Item::Static(item) => self.visit_type(&item.ty),
            Item::Fn(item) => self.visit_signature(&item.sig),
            Item::Struct(item) => {
                self.parameters(&item.generics);
                self.fields(&item.fields, false);
            }
            Item::Enum(item) => {
                self.parameters(&item.generics);
                for variant in &item.variants {
                    self.fields(&variant.fields, true);
                }
            }
            Item::Trait(item) => {
                self.parameters(&item.generics);
                for bound in &item.supertraits {
                    self.visit_type_param_bound(bound);
                }
                for item in &item.items {
                    match item {
                        TraitItem::Macro(_) | TraitItem::Verbatim(_) => {
                            self.fault("a trait's item that cannot be checked");
                        }
                        item => self.visit_trait_item(item),
                    }
                }
            }
            Item::Type(item) => {
                self.parameters(&item.generics);
                self.visit_type(&item.ty);
            }
            _ => self.fault("an item of a kind that is not checked"),
        }
    }

    /// `all`: as those of a variant, which have no `pub`.
    fn fields(&mut self, fields: &Fields, all: bool) {
        for field in fields {
            let public = all || matches!(field.vis, Visibility::Public(_));
            // `From` is derived for it.
            let from = field
                .attrs
                .iter()
                .any(|attribute| attribute.path().is_ident("from"));
            if public || from {
                self.visit_type(&field.ty);
            }
        }
    }

    fn implementation(&mut self, item: &ItemImpl, only: Option<&BTreeSet<String>>) {
        self.parameters_known(&item.generics);
        let of = self.head(&item.self_ty);
        if let Some(only) = only
            && !of.as_ref().is_some_and(|(name, _)| only.contains(name))
        {
            return;
        }
        // Of a type, or of a trait, that nobody outside can name.
        if of.as_ref().is_some_and(|(_, public)| !public) {
            return;
        }
        let shown = of.map_or_else(|| "impl".to_owned(), |(name, _)| name);
        self.place = format!("{}::{shown}", self.place);
        if let Some((path, _)) = &item.trait_ {
            if let Found::Local(_, item) = self.resolver.find(&self.at, &words(path))
                && !is_public(item)
            {
                return;
            }
            self.place = format!("{} as {}", self.place, text(path));
            self.visit_path(path);
        }
        self.parameters(&item.generics);
        self.visit_type(&item.self_ty);
        let inherent = item.trait_.is_none();
        for inner in &item.items {
            let (public, name) = match inner {
                ImplItem::Const(item) => (&item.vis, Some(&item.ident)),
                ImplItem::Fn(item) => (&item.vis, Some(&item.sig.ident)),
                ImplItem::Type(item) => (&item.vis, Some(&item.ident)),
                _ => {
                    self.fault("an item of an impl that cannot be checked");
                    continue;
                }
            };
            if inherent && !matches!(public, Visibility::Public(_)) {
                continue;
            }
            let place = self.place.clone();
            let name = name.map(ToString::to_string).unwrap_or_default();
            self.place = format!("{place}::{name}");
            self.visit_impl_item(inner);
            self.place = place;
        }
    }

    /// The name of the type that is implemented for, if it is one of this crate, and
    /// whether it is public.
    fn head(&self, of: &Type) -> Option<(String, bool)> {
        let Type::Path(path) = of else { return None };
        let words = words(&path.path);
        if self.generics.contains(&words[0]) {
            return None;
        }
        match self.resolver.find(&self.at, &words) {
            Found::Local(_, item) => Some((name(item)?, is_public(item))),
            _ => None,
        }
    }

    fn parameters(&mut self, generics: &Generics) {
        self.parameters_known(generics);
        self.visit_generics(generics);
    }

    fn parameters_known(&mut self, generics: &Generics) {
        for parameter in &generics.params {
            match parameter {
                GenericParam::Type(parameter) => self.generics.push(parameter.ident.to_string()),
                GenericParam::Const(parameter) => self.generics.push(parameter.ident.to_string()),
                GenericParam::Lifetime(_) => {}
            }
        }
    }

    fn glob(&self, path: &[String]) {
        if !matches!(self.resolver.find(&self.at, path), Found::Module) {
            self.fault(&format!("all of {} re-exported", path.join("::")));
        }
    }

    /// One path of the API.
    fn path(&self, path: &[String]) {
        if path[0] == "Self" || self.generics.contains(&path[0]) {
            return;
        }
        match self.resolver.find(&self.at, path) {
            Found::Known | Found::Module => {}
            Found::Nothing => self.fault(&format!("cannot find {}", path.join("::"))),
            Found::Foreign(path) => {
                let mut found = self.found.borrow_mut();
                let from = path.split("::").next().unwrap_or_default();
                if allowed::OURS.contains(&from) {
                    found.ours.insert(path);
                } else if let Some(entry) = allowed::entry(&path) {
                    found.used.insert(entry);
                } else if !crate::names::is_known(from) {
                    drop(found);
                    self.fault(&format!("names {path}"));
                }
            }
            Found::Local(at, item) => {
                if is_public(item) {
                    let name = name(item).unwrap_or_default();
                    self.found.borrow_mut().reached.insert(name);
                } else if let Item::Type(alias) = item {
                    // What is behind it is what the API names.
                    let mut behind = Walk {
                        at,
                        place: self.place.clone(),
                        generics: Vec::new(),
                        ..*self
                    };
                    behind.parameters(&alias.generics);
                    behind.visit_type(&alias.ty);
                }
            }
        }
    }

    fn fault(&self, what: &str) {
        let fault = format!("{}: {what}", self.place);
        self.found.borrow_mut().faults.insert(fault);
    }
}

impl<'ast> Visit<'ast> for Walk<'_> {
    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        let outer = self.generics.len();
        self.parameters_known(&signature.generics);
        visit::visit_signature(self, signature);
        self.generics.truncate(outer);
    }

    fn visit_type_path(&mut self, path: &'ast TypePath) {
        let Some(qself) = &path.qself else {
            return visit::visit_type_path(self, path);
        };
        // `<T as Trait>::Name`: T, and Trait.
        self.visit_type(&qself.ty);
        if qself.position > 0 {
            let of: Vec<_> = words(&path.path).into_iter().take(qself.position).collect();
            self.path(&of);
        }
        for segment in &path.path.segments {
            self.visit_path_arguments(&segment.arguments);
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        self.path(&words(path));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, makes: &'ast Macro) {
        let name = text(&makes.path);
        self.fault(&format!("{name}!: what it makes cannot be checked"));
    }

    // No part of the API: bodies, values, attributes, names of parameters.
    fn visit_block(&mut self, _: &'ast Block) {}
    fn visit_expr(&mut self, _: &'ast Expr) {}
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
    fn visit_pat(&mut self, _: &'ast syn::Pat) {}
    fn visit_captured_param(&mut self, _: &'ast syn::CapturedParam) {}
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

fn is_public_use(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn words(path: &Path) -> Vec<String> {
    let segments = path.segments.iter();
    segments.map(|segment| segment.ident.to_string()).collect()
}

fn text(path: &Path) -> String {
    words(path).join("::")
}
