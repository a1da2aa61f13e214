//! Who dialled whom, and what came of it.

use std::{collections::BTreeMap, net::SocketAddr};

use tokio::time::Instant;

/// All attempts to connect, by who and where to.
#[derive(Clone, Debug, Default)]
pub struct Dials(BTreeMap<(String, SocketAddr), Vec<Dial>>);

/// One attempt.
#[derive(Clone, Copy, Debug)]
pub struct Dial {
    pub at: Instant,
    /// Somebody took it who speaks HTTP/2. Whether that was heard is another matter.
    pub reached: bool,
}

impl Dials {
    /// Returns which one it is.
    pub fn begin(&mut self, from: &str, to: SocketAddr) -> usize {
        let dials = self.0.entry((from.to_owned(), to)).or_default();
        dials.push(Dial {
            at: Instant::now(),
            reached: false,
        });
        dials.len() - 1
    }

    pub fn reached(&mut self, from: &str, to: SocketAddr, which: usize) {
        if let Some(dials) = self.0.get_mut(&(from.to_owned(), to)) {
            dials[which].reached = true;
        }
    }

    /// Those of one party, by address.
    pub fn of<'a>(&'a self, from: &'a str) -> impl Iterator<Item = (SocketAddr, &'a [Dial])> {
        let own = self.0.iter().filter(move |((who, _), _)| who == from);
        own.map(|((_, to), dials)| (*to, dials.as_slice()))
    }
}
