use tonic::Status;

/// What stands before every gRPC message: a flag and its length.
const PREFIX: usize = 5;

/// Watches the lengths of the messages in a body, however it is cut into frames.
#[derive(Clone, Debug)]
pub(super) struct MessageLimit {
    /// In bytes, as sent: of a compressed message, compressed.
    max: u64,
    /// How many bytes of the message that has begun are still to come.
    left: u64,
    /// Of the prefix that has begun.
    prefix: [u8; PREFIX],
    filled: usize,
}

impl MessageLimit {
    pub(super) fn new(max: u64) -> Self {
        Self {
            max,
            left: 0,
            prefix: [0; PREFIX],
            filled: 0,
        }
    }

    /// The next bytes of the body.
    ///
    /// # Errors
    /// A message is too long. `what` kind of message it is.
    pub(super) fn check(&mut self, mut data: &[u8], what: &str) -> Result<(), Status> {
        loop {
            let message =
                usize::try_from(self.left).map_or(data.len(), |left| left.min(data.len()));
            data = &data[message..];
            self.left -= message as u64;
            if data.is_empty() {
                return Ok(());
            }
            let prefix = (PREFIX - self.filled).min(data.len());
            let (begun, rest) = data.split_at(prefix);
            self.prefix[self.filled..self.filled + prefix].copy_from_slice(begun);
            self.filled += prefix;
            data = rest;
            if self.filled < PREFIX {
                return Ok(());
            }
            let [_, a, b, c, d] = self.prefix;
            self.left = u32::from_be_bytes([a, b, c, d]).into();
            self.filled = 0;
            if self.left > self.max {
                let (len, max) = (self.left, self.max);
                return Err(Status::resource_exhausted(format!(
                    "a {what} message has {len} bytes, the service config allows {max}"
                )));
            }
        }
    }
}

#[cfg(test)]
mod tests;
