//! That the check finds what it is for: each of these is a fault, or none.

use std::collections::BTreeSet;

use crate::{
    source::Module,
    surface::{Scope, Surface},
};

fn faults(text: &str) -> Vec<String> {
    let root = Module::parse(text);
    let others = [
        "hyper",
        "http",
        "tonic",
        "tokio",
        "rustls",
        "lookaside_core",
    ];
    let others: BTreeSet<_> = others.map(str::to_owned).into();
    let surface = Surface::of("it", &root, &others, &Scope::All);
    surface.faults().into_iter().map(str::to_owned).collect()
}

#[track_caller]
fn assert_found(text: &str, fault: &str) {
    assert_eq!(faults(text), [fault], "{text}");
}

#[track_caller]
fn assert_fine(text: &str) {
    assert_eq!(faults(text), [""; 0], "{text}");
}

#[test]
fn a_function_is_judged_by_its_whole_signature() {
    assert_found("pub fn x() -> hyper::Error {}", "it::x: names hyper::Error");
    assert_found(
        "pub async fn x(e: &mut hyper::Error) {}",
        "it::x: names hyper::Error",
    );
    assert_found(
        "pub fn x() -> Result<(), Box<dyn Fn(hyper::Error) + Send>> {}",
        "it::x: names hyper::Error",
    );
    assert_found(
        "pub fn x<T>() where T: Into<hyper::Error> {}",
        "it::x: names hyper::Error",
    );
    assert_found(
        "pub fn x() -> impl Iterator<Item = [hyper::Error; 3]> {}",
        "it::x: names hyper::Error",
    );
    assert_found(
        "pub fn x<T>(t: <T as hyper::rt::Timer>::Sleep) {}",
        "it::x: names hyper::rt::Timer",
    );
    assert_fine("fn x() -> hyper::Error {}");
    assert_fine("pub(crate) fn x() -> hyper::Error {}");
    assert_fine("pub fn x<Error: Clone>() -> Error { hyper::x::<hyper::Error>() }");
    assert_fine("pub fn x(a: http::Uri) -> Result<tonic::Status, std::io::Error> {}");
}

#[test]
fn a_name_is_followed_through_imports_aliases_and_modules() {
    let found = "it::x: names hyper::Error";
    assert_found("use hyper::Error; pub fn x() -> Error {}", found);
    assert_found("use hyper::Error as E; pub fn x() -> Option<E> {}", found);
    assert_found(
        "use hyper::{self, Error}; pub fn x() -> hyper::Error {}",
        found,
    );
    assert_found("type E = hyper::Error; pub fn x() -> E {}", found);
    assert_found(
        "mod a { pub(crate) use hyper::Error; } pub fn x() -> a::Error {}",
        found,
    );
    assert_found(
        "mod a { pub(crate) use hyper::Error; } use a::*; pub fn x() -> Error {}",
        found,
    );
    assert_found(
        "use hyper::Error; mod a { pub fn x() -> super::Error {} }",
        "it::a::x: names hyper::Error",
    );
    assert_found("pub fn x() -> Mystery {}", "it::x: cannot find Mystery");
    // One of its own by the same name is nobody else's.
    assert_fine("pub struct Error; pub fn x() -> Error {}");
    assert_fine("mod hyper { pub struct Error; } pub fn x() -> hyper::Error {}");
}

#[test]
fn of_types_what_is_public_is_judged() {
    let field = "it::S: names hyper::Error";
    assert_found("pub struct S { pub e: hyper::Error }", field);
    assert_found("pub struct S(#[from] hyper::Error);", field);
    assert_found("pub enum S { A, B(hyper::Error) }", field);
    assert_found("pub struct S<T: Into<hyper::Error>>(T);", field);
    assert_found("pub type S = Option<hyper::Error>;", field);
    assert_found("pub const S: Option<hyper::Error> = None;", field);
    assert_found(
        "pin_project! { pub struct S { #[pin] pub e: hyper::Error } }",
        field,
    );
    assert_fine("pub struct S { e: hyper::Error, pub(crate) f: hyper::Error }");
    assert_fine("struct S { pub e: hyper::Error }");
}

#[test]
fn traits_and_implementations_are_judged() {
    assert_found(
        "pub trait T: hyper::rt::Timer {}",
        "it::T: names hyper::rt::Timer",
    );
    assert_found(
        "pub trait T { fn x(&self, e: hyper::Error); }",
        "it::T: names hyper::Error",
    );
    assert_found(
        "pub struct S; impl S { pub fn x() -> hyper::Error {} }",
        "it::S::x: names hyper::Error",
    );
    assert_found(
        "pub struct S; impl From<hyper::Error> for S {}",
        "it::S as From: names hyper::Error",
    );
    assert_found(
        "pub struct S; impl Iterator for S { type Item = hyper::Error; }",
        "it::S as Iterator::Item: names hyper::Error",
    );
    assert_found(
        "pub struct S; impl hyper::rt::Timer for S {}",
        "it::S as hyper::rt::Timer: names hyper::rt::Timer",
    );
    assert_found(
        "pub trait T {} impl T for hyper::Error {}",
        "it::impl as T: names hyper::Error",
    );
    assert_fine("pub struct S; impl S { fn x() -> hyper::Error {} }");
    assert_fine("struct S; impl From<hyper::Error> for S {}");
    assert_fine("pub struct S; trait T {} impl T for S { fn x() -> hyper::Error {} }");
    assert_fine("struct S; trait T<X> {} impl T<hyper::Error> for S {}");
    assert_fine("pub struct S; impl tokio::io::AsyncRead for S {}");
}

#[test]
fn what_is_re_exported_is_judged() {
    assert_found("pub use hyper::Error;", "it: names hyper::Error");
    assert_found(
        "pub use hyper::{body::Incoming as Body};",
        "it: names hyper::body::Incoming",
    );
    assert_found("pub use hyper::*;", "it: all of hyper re-exported");
    assert_found("pub use tonic;", "it: names tonic");
    assert_found("pub extern crate hyper;", "it: a whole crate re-exported");
    assert_found(
        "#[macro_export] macro_rules! m { () => {} }",
        "it: a macro in the API: what it names cannot be checked",
    );
    assert_found(
        "some_macro! { x }",
        "it: some_macro!: what it makes cannot be checked",
    );
    assert_fine("pub use lookaside_core::ConnectivityState;");
    assert_fine("pub use http::HeaderMap;");
    assert_fine("mod a { pub struct S; } pub use a::S;");
}

#[test]
fn tests_and_fuzz_targets_are_no_api() {
    assert_fine("#[cfg(test)] pub mod m { pub fn x() -> hyper::Error {} }");
    assert_fine("#[cfg(test)] pub fn x() -> hyper::Error {}");
    assert_fine("#[cfg(feature = \"fuzzing\")] pub mod m { pub fn x() -> hyper::Error {} }");
    assert_found(
        "#[cfg(feature = \"tls\")] pub fn x() -> rustls::Error {}",
        "it::x: names rustls::Error",
    );
}

#[test]
fn of_a_crate_of_ours_only_what_is_taken_and_what_that_names_is_judged() {
    let root = Module::parse(
        "pub struct Taken; impl Taken { pub fn next() -> Next {} }
         pub struct Next(pub hyper::Error);
         pub struct Other(pub rustls::Error);",
    );
    let others: BTreeSet<_> = ["hyper", "rustls"].map(str::to_owned).into();
    let taken = Scope::Named(["Taken".to_owned()].into());
    let surface = Surface::of("it", &root, &others, &taken);
    assert_eq!(surface.faults(), ["it::Next: names hyper::Error"]);
}
