use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use lookaside_core::{Token, strip_variant};
use lookaside_proto::lb::{Server, ServerList};

use crate::{Address, LbToken, ListSummary};

/// A balancer's list, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct List {
    /// The backends in the list's order, as often as they are listed, with their tokens.
    pub(super) backends: Arc<[Address]>,
    /// One entry per entry of the list as it was sent, also for those that are refused:
    /// the share of drops is a share of the whole list.
    pub(super) slots: Box<[Slot]>,
    /// What was refused.
    pub(super) problems: Vec<EntryProblem>,
}

/// What an entry means for a call, before it is known where the call goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// The child policy decides.
    Pass,
    /// The call fails.
    Drop(DropSlot),
}

/// A drop entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DropSlot {
    /// As sent: load reports name it.
    pub(super) token: Option<Token>,
    /// For people.
    pub(super) category: Arc<str>,
}

/// An entry that cannot be used as it is, by its place in the list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EntryProblem {
    #[error("entry {0}: the address has {1} bytes, expected 4 or 16; skipped")]
    Ip(usize, usize),
    #[error("entry {0}: port {1} is not 1 to 65535; skipped")]
    Port(usize, i32),
    #[error("entry {0}: {1}; used without a token")]
    Token(usize, String),
}

impl List {
    pub(super) fn new(list: &ServerList) -> Self {
        let mut backends = Vec::with_capacity(list.servers.len());
        let mut slots = Vec::with_capacity(list.servers.len());
        let mut problems = Vec::new();
        for (index, server) in list.servers.iter().enumerate() {
            if server.drop {
                slots.push(Slot::Drop(DropSlot::new(index, server, &mut problems)));
                continue;
            }
            slots.push(Slot::Pass);
            match backend(index, server, &mut problems) {
                Ok(address) => backends.push(address),
                Err(problem) => problems.push(problem),
            }
        }
        Self {
            backends: backends.into(),
            slots: slots.into(),
            problems,
        }
    }

    /// For observers. `before`: the list before it.
    pub(super) fn summary(&self, before: Option<&Self>) -> ListSummary {
        let drops = self
            .slots
            .iter()
            .filter(|slot| matches!(slot, Slot::Drop(_)));
        ListSummary {
            entries: self.slots.len(),
            backends: self.backends.len(),
            drops: drops.count(),
            problems: self.problems.len(),
            changed: before != Some(self),
        }
    }

    /// Nothing in it at all: the balancer has nobody to offer.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The addresses for the child policy; none if there is nothing for one to do. (A list
    /// of refused backends is for the child: it has no address to use.)
    pub(super) fn backends(&self) -> Option<Arc<[Address]>> {
        let any = self.slots.contains(&Slot::Pass);
        any.then(|| Arc::clone(&self.backends))
    }

    /// Drops and nothing else.
    pub(super) fn is_only_drops(&self) -> bool {
        !self.is_empty() && self.slots.iter().all(|slot| matches!(slot, Slot::Drop(_)))
    }
}

impl DropSlot {
    fn new(index: usize, server: &Server, problems: &mut Vec<EntryProblem>) -> Self {
        let text = server.load_balance_token.as_str();
        let token = Token::new(text);
        if let Err(error) = &token {
            problems.push(EntryProblem::Token(index, error.to_string()));
        }
        // Only the first entry carries a stream's variant; elsewhere an ending that looks
        // like one is part of the category.
        let category = if index == 0 {
            strip_variant(text)
        } else {
            text
        };
        Self {
            token: token.ok(),
            category: category.into(),
        }
    }
}

fn backend(
    index: usize,
    server: &Server,
    problems: &mut Vec<EntryProblem>,
) -> Result<Address, EntryProblem> {
    let ip: IpAddr = match *server.ip_address {
        [a, b, c, d] => IpAddr::from([a, b, c, d]),
        ref bytes => {
            let bytes: [u8; 16] = bytes
                .try_into()
                .map_err(|_| EntryProblem::Ip(index, bytes.len()))?;
            // The same backend must not be two for being written in two ways.
            IpAddr::from(bytes).to_canonical()
        }
    };
    let port = match u16::try_from(server.port) {
        Ok(port) if port > 0 => port,
        _ => return Err(EntryProblem::Port(index, server.port)),
    };
    // The balancer knows whether it serves (A17).
    let address = Address::new(SocketAddr::new(ip, port)).without_health_check();
    if server.load_balance_token.is_empty() {
        return Ok(address);
    }
    match LbToken::new(&server.load_balance_token) {
        Ok(token) => Ok(address.with_token(token)),
        Err(error) => {
            problems.push(EntryProblem::Token(index, error.to_string()));
            Ok(address)
        }
    }
}

#[cfg(test)]
mod tests;
