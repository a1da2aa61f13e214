use std::io::IoSlice;

use bytes::{Buf, Bytes};

use super::flight::Landing;

/// Data that goes out as one HTTP/2 frame: a head of its own, and a rest that it shares
/// with others.
///
/// Two frames would cost twice the bookkeeping in hyper and h2 for each push. h2 copies
/// the first 247 bytes of a large payload beside the frame header, and so the whole head;
/// the rest stays where it is until the kernel copies it.
#[derive(Debug, Default)]
pub(crate) struct Payload {
    head: Bytes,
    rest: Bytes,
    landing: Option<Landing>,
}

impl Payload {
    pub(crate) fn new(head: Bytes, rest: Bytes) -> Self {
        Self {
            head,
            rest,
            landing: None,
        }
    }

    /// With what is to know how much of it has left.
    pub(crate) fn tracked(self, landing: Landing) -> Self {
        Self {
            landing: Some(landing),
            ..self
        }
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self::new(Bytes::new(), bytes)
    }
}

impl Buf for Payload {
    fn remaining(&self) -> usize {
        self.head.len() + self.rest.len()
    }

    fn chunk(&self) -> &[u8] {
        if self.head.is_empty() {
            &self.rest
        } else {
            &self.head
        }
    }

    fn advance(&mut self, count: usize) {
        let of_head = count.min(self.head.len());
        self.head.advance(of_head);
        self.rest.advance(count - of_head);
        if let Some(landing) = &self.landing {
            landing.progress(count);
        }
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let head = self.head.chunks_vectored(slices);
        head + self.rest.chunks_vectored(&mut slices[head..])
    }
}

#[cfg(test)]
mod tests;
