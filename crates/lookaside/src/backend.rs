//! The demo backend.

mod echo;
mod server;
mod tokens;

pub(crate) use self::{server::Server, tokens::report};

#[cfg(test)]
mod tests;
