//! TLS on the listeners: whose certificates, the handshake, and reloading them.

mod failure;
mod first_byte;
mod handshake;
mod load;
mod reload;
mod settings;
mod watcher;

use self::load::{Contents, Loaded};
pub(crate) use self::{
    failure::HandshakeFailure,
    first_byte::{SPOKE_TLS, is_tls, spoke_tls},
    handshake::{Acceptor, Secured},
    reload::{Ask, Reloader, TlsFile},
};
pub use self::{
    load::TlsFileError,
    settings::{ClientCertificates, Tls},
};

#[cfg(test)]
pub(crate) mod testing;
