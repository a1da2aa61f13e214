/// Reads along with a connection and says which HTTP/2 frames the peer sends (RFC 9113
/// section 4.1): hyper tells neither that SETTINGS have arrived nor, while calls are
/// open, that a GOAWAY has.
#[derive(Debug, Default)]
pub(super) struct FrameScanner {
    header: [u8; HEADER_LEN],
    have: usize,
    /// Payload bytes of the current frame still to come.
    skip: usize,
}

/// Length (3 bytes), type, flags, stream (4 bytes).
const HEADER_LEN: usize = 9;

/// A frame that matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// Type 4, without the ACK flag: the peer's own.
    Settings,
    /// Type 7.
    GoAway,
    /// Type 1: the first that answers a call.
    Headers,
    /// Any other type.
    Other,
}

impl FrameScanner {
    /// Takes the next bytes; calls `seen` at every frame header that is complete.
    pub(super) fn feed(&mut self, mut bytes: &[u8], mut seen: impl FnMut(Frame)) {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            let taken = (HEADER_LEN - self.have).min(bytes.len());
            self.header[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
            self.have += taken;
            bytes = &bytes[taken..];
            if self.have == HEADER_LEN {
                let [a, b, c, kind, flags, ..] = self.header;
                self.skip = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
                self.have = 0;
                seen(Frame::of(kind, flags));
            }
        }
    }
}

impl Frame {
    fn of(kind: u8, flags: u8) -> Self {
        const ACK: u8 = 0x1;
        match kind {
            0x4 if flags & ACK == 0 => Self::Settings,
            0x1 => Self::Headers,
            0x7 => Self::GoAway,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests;
