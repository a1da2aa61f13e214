use std::sync::Arc;

use http::uri::Authority;

use super::{ConnectFuture, Connector};
use crate::Address;

/// Tells a connector by whose name the peer will be called: the channel's, where an
/// address has none of its own. TLS checks certificates by it.
pub(crate) struct Named {
    connector: Arc<dyn Connector>,
    authority: Authority,
}

impl Named {
    pub(crate) fn new(connector: Arc<dyn Connector>, authority: Authority) -> Self {
        Self {
            connector,
            authority,
        }
    }
}

impl Connector for Named {
    fn connect(&self, address: &Address) -> ConnectFuture {
        match address.authority() {
            Some(_) => self.connector.connect(address),
            None => {
                let address = address.clone().with_authority(self.authority.clone());
                self.connector.connect(&address)
            }
        }
    }
}
