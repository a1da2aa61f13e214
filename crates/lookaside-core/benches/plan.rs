//! How long planning 10,000 backends takes.
fn main() {}
