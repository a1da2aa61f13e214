use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;
use tonic::Status;

/// A gRPC message is a flag byte, a length in four bytes, and the message.
pub(crate) const PREFIX_BYTES: usize = 5;

/// The largest message a client may send. A load report with a thousand drop
/// categories has half of it.
pub(crate) const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// Reads gRPC messages off a request body.
///
/// Idle, it holds no memory beyond itself: a message that arrives in one piece is a slice
/// of what arrived, and only a message in several pieces is put together in a buffer.
/// (tonic's reader has 8 KiB for each stream from the start.)
#[derive(Debug, Default)]
pub(crate) struct FrameReader {
    /// What arrived last and was not looked at yet; empty whenever a poll is pending, so
    /// that it does not keep the connection's read buffer alive.
    arrived: Bytes,
    /// The beginning of a message whose end has not arrived.
    partial: BytesMut,
}

/// Why there is no further message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a message of {0} bytes; at most {MAX_MESSAGE_BYTES} are allowed")]
    TooLarge(usize),
    #[error("a compressed message; this service accepts only the identity encoding")]
    Compressed,
    #[error("a message begins with flag byte {0}; expected 0")]
    Flag(u8),
    #[error("the request ends within a message")]
    Truncated,
    #[error("a message that is no LoadBalanceRequest: {0}")]
    Message(String),
    /// The client reset the stream or the connection is gone: nobody to answer.
    #[error("the request broke off")]
    Broken,
}

impl From<FrameError> for Status {
    fn from(error: FrameError) -> Self {
        let text = error.to_string();
        match error {
            FrameError::TooLarge(_) => Self::resource_exhausted(text),
            FrameError::Compressed => Self::unimplemented(text),
            FrameError::Flag(_) | FrameError::Truncated | FrameError::Message(_) => {
                Self::invalid_argument(text)
            }
            FrameError::Broken => Self::cancelled(text),
        }
    }
}

impl FrameReader {
    /// The next message, without its prefix; `None` when the client has half-closed.
    pub(crate) fn poll_message<B>(
        &mut self,
        body: &mut B,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, FrameError>>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        loop {
            if let Some(message) = self.take_message().transpose() {
                return Poll::Ready(Some(message));
            }
            match ready!(Pin::new(&mut *body).poll_frame(cx)) {
                Some(Ok(frame)) => self.arrived = frame.into_data().unwrap_or_default(),
                Some(Err(_)) => return Poll::Ready(Some(Err(FrameError::Broken))),
                None if self.partial.is_empty() => return Poll::Ready(None),
                None => {
                    self.partial = BytesMut::new();
                    return Poll::Ready(Some(Err(FrameError::Truncated)));
                }
            }
        }
    }

    /// A message out of what has arrived; `None` leaves `arrived` empty.
    fn take_message(&mut self) -> Result<Option<Bytes>, FrameError> {
        if self.partial.is_empty() {
            let needed = PREFIX_BYTES + message_len(&self.arrived)?.unwrap_or(0);
            if self.arrived.len() >= needed {
                let mut message = self.arrived.split_to(needed);
                message.advance(PREFIX_BYTES);
                return Ok(Some(message));
            }
        }
        // Twice at most: the rest of the prefix, then the rest of the message.
        while !self.arrived.is_empty() {
            let needed = PREFIX_BYTES + message_len(&self.partial)?.unwrap_or(0);
            let missing = (needed - self.partial.len()).min(self.arrived.len());
            self.partial
                .extend_from_slice(&self.arrived.split_to(missing));
            if let Some(len) = message_len(&self.partial)?
                && self.partial.len() == PREFIX_BYTES + len
            {
                let mut message = std::mem::take(&mut self.partial).freeze();
                message.advance(PREFIX_BYTES);
                return Ok(Some(message));
            }
        }
        self.arrived = Bytes::new();
        Ok(None)
    }
}

/// The length in a message's prefix; `None` while the prefix is incomplete.
fn message_len(bytes: &[u8]) -> Result<Option<usize>, FrameError> {
    let Some(&[flag, a, b, c, d]) = bytes.first_chunk() else {
        return Ok(None);
    };
    match flag {
        0 => {}
        1 => return Err(FrameError::Compressed),
        flag => return Err(FrameError::Flag(flag)),
    }
    let len = u32::from_be_bytes([a, b, c, d]) as usize;
    if len > MAX_MESSAGE_BYTES {
        return Err(FrameError::TooLarge(len));
    }
    Ok(Some(len))
}

#[cfg(test)]
mod tests;
