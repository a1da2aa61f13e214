use std::net::{IpAddr, SocketAddr};

use bytes::BufMut;
use lookaside_core::{SlotRef, Token};

/// One `Server` of a `ServerList`: an address and a token, or a drop's token.
///
/// Written by hand because the generated message owns an allocation for each of its
/// fields, and the first slot of every push is written per stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct WireSlot {
    addr: Option<SocketAddr>,
    token: Token,
}

/// Field tags, each with its wire type: all field numbers are below 16.
const SERVERS: u8 = tag(1, BYTES);
const IP_ADDRESS: u8 = tag(1, BYTES);
const PORT: u8 = tag(2, VARINT);
const TOKEN: u8 = tag(3, BYTES);
const DROP: u8 = tag(4, VARINT);

const VARINT: u8 = 0;
pub(super) const BYTES: u8 = 2;

pub(super) const fn tag(field: u8, wire_type: u8) -> u8 {
    field << 3 | wire_type
}

/// What one slot takes of a message, without a stream's variant.
pub(crate) fn slot_bytes(slot: &SlotRef<'_>) -> usize {
    WireSlot::new(slot).encoded_len()
}

impl WireSlot {
    pub(super) fn new(slot: &SlotRef<'_>) -> Self {
        match slot {
            SlotRef::Endpoint(endpoint) => Self {
                addr: Some(endpoint.addr),
                token: endpoint.token,
            },
            SlotRef::Drop(drop) => Self {
                addr: None,
                token: drop.token(),
            },
        }
    }

    pub(super) fn with_token(self, token: impl FnOnce(Token) -> Token) -> Self {
        Self {
            token: token(self.token),
            ..self
        }
    }

    /// With the tag and length that make it an element of the list.
    pub(super) fn encoded_len(&self) -> usize {
        2 + usize::from(self.message_len())
    }

    /// 16 address bytes, a port and 49 token characters: below 128, so that every length
    /// is one byte.
    fn message_len(&self) -> u8 {
        let address = match self.addr {
            Some(addr) => 2 + ip_len(addr.ip()) + 1 + port_len(addr.port()),
            None => 2, // the drop flag
        };
        address + 2 + self.token.as_bytes().len() as u8
    }

    pub(super) fn put(&self, buf: &mut impl BufMut) {
        buf.put_u8(SERVERS);
        buf.put_u8(self.message_len());
        if let Some(addr) = self.addr {
            buf.put_u8(IP_ADDRESS);
            buf.put_u8(ip_len(addr.ip()));
            match addr.ip() {
                IpAddr::V4(ip) => buf.put_slice(&ip.octets()),
                IpAddr::V6(ip) => buf.put_slice(&ip.octets()),
            }
            buf.put_u8(PORT);
            prost::encoding::encode_varint(u64::from(addr.port()), buf);
        }
        buf.put_u8(TOKEN);
        buf.put_u8(self.token.as_bytes().len() as u8);
        buf.put_slice(self.token.as_bytes());
        if self.addr.is_none() {
            buf.put_slice(&[DROP, 1]);
        }
    }
}

fn ip_len(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(_) => 4,
        IpAddr::V6(_) => 16,
    }
}

fn port_len(port: u16) -> u8 {
    prost::encoding::encoded_len_varint(u64::from(port)) as u8
}
