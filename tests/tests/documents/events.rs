//! What our sources log: every `info!`, `warn!` and `error!` that is compiled into somebody's
//! program, read from the sources themselves.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};
use proc_macro2::{TokenStream, TokenTree};

use super::page::repository;

/// What is logged under one message, from wherever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) levels: BTreeSet<String>,
    pub(crate) fields: BTreeSet<String>,
}

pub(crate) type Events = BTreeMap<String, Event>;

/// All of them.
pub(crate) fn events() -> Result<Events> {
    let mut events = Events::new();
    for entry in fs::read_dir(repository().join("crates"))? {
        scan_folder(&entry?.path().join("src"), &mut events)?;
    }
    Ok(events)
}

fn scan_folder(folder: &Path, events: &mut Events) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_test = path.file_stem().is_some_and(|name| name == "tests");
        if is_test {
            continue;
        }
        if path.is_dir() {
            scan_folder(&path, events)?;
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(&path)?;
            scan(&text, events).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

fn scan(text: &str, events: &mut Events) -> Result<()> {
    let tokens: TokenStream = text
        .parse()
        .map_err(|error| anyhow::anyhow!("no Rust: {error}"))?;
    walk(tokens, events)
}

/// Wherever it stands, also among the arguments of another macro.
fn walk(tokens: TokenStream, events: &mut Events) -> Result<()> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else {
            continue;
        };
        let called = match at.checked_sub(2).map(|at| &tokens[at..at + 2]) {
            Some([TokenTree::Ident(name), TokenTree::Punct(bang)]) if bang.as_char() == '!' => {
                name.to_string()
            }
            _ => String::new(),
        };
        if ["info", "warn", "error"].contains(&&*called) {
            let (message, fields) = read(group.stream()).context(called.clone())?;
            let event = events.entry(message).or_default();
            event.levels.insert(called);
            event.fields.extend(fields);
        } else {
            walk(group.stream(), events)?;
        }
    }
    Ok(())
}

/// The message and the fields of `%service, error = &*reason, "message"`.
fn read(arguments: TokenStream) -> Result<(String, Vec<String>)> {
    let mut message = None;
    let mut fields = Vec::new();
    let arguments: Vec<TokenTree> = arguments.into_iter().collect();
    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(it) if it.as_char() == ',');
    for argument in arguments.split(is_comma).filter(|it| !it.is_empty()) {
        ensure!(
            message.is_none(),
            "the message has parameters: make them fields"
        );
        let first = argument
            .iter()
            .find(|token| !matches!(token, TokenTree::Punct(it) if "%?".contains(it.as_char())));
        match first {
            Some(TokenTree::Literal(literal)) if argument.len() == 1 => {
                let text: syn::LitStr = syn::parse_str(&literal.to_string())?;
                message = Some(text.value());
            }
            // `target: NAME` is none
            Some(TokenTree::Ident(name)) => {
                let is_target =
                    matches!(argument, [_, TokenTree::Punct(colon), ..] if colon.as_char() == ':');
                if !is_target {
                    ensure!(is_plain(argument), "a field without a name: {argument:?}");
                    fields.push(name.to_string());
                }
            }
            other => bail!("neither a field nor a message: {other:?}"),
        }
    }
    let message = message.context("no message")?;
    ensure!(
        !message.contains(['{', '}']),
        "{message:?} is made anew each time: nobody finds it again"
    );
    Ok((message, fields))
}

/// `name`, `%name`, `?name` or `name = anything`: not `self.name`, whose name would be two.
fn is_plain(argument: &[TokenTree]) -> bool {
    let words = argument
        .iter()
        .filter(|token| !matches!(token, TokenTree::Punct(it) if "%?".contains(it.as_char())));
    let mut words = words.skip(1);
    match words.next() {
        None => true,
        Some(TokenTree::Punct(it)) => it.as_char() == '=',
        Some(TokenTree::Ident(_) | TokenTree::Literal(_) | TokenTree::Group(_)) => false,
    }
}

#[test]
fn events_are_found_with_their_level_and_fields() -> Result<()> {
    let text = r#"
        fn f() {
            tokio::select! { () = end => warn!(%service, error = &*g(1, "x"), ?wait, "it \
                ended"), }
            tracing::info!(target: AUDIT, kept, "it ended");
            debug!("of no interest");
        }
    "#;
    let mut events = Events::new();
    scan(text, &mut events)?;
    let names = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
    let event = Event {
        levels: names(&["info", "warn"]),
        fields: names(&["error", "kept", "service", "wait"]),
    };
    assert_eq!(events, BTreeMap::from([("it ended".to_owned(), event)]));
    for wrong in [
        r#"fn f() { warn!("{error}") }"#,
        r#"fn f() { warn!("x {}", 1) }"#,
        r#"fn f() { warn!(self.name, "x") }"#,
        "fn f() { warn!(name) }",
    ] {
        assert!(scan(wrong, &mut Events::new()).is_err(), "{wrong}");
    }
    Ok(())
}
