//! The demo backend.

mod echo;
mod server;

pub(crate) use self::server::Server;

#[cfg(test)]
mod tests;
