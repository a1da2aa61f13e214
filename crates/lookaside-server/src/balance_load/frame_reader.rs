use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;
use tonic::Status;

use crate::listener::Connection;

/// A gRPC message is a flag byte, a length in four bytes, and the message.
pub(crate) const PREFIX_BYTES: usize = 5;

/// The largest first message: it holds a name of at most 255 bytes.
const MAX_INITIAL_BYTES: usize = 1024;

/// The largest message after it. A load report with a thousand drop categories has half
/// of it.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// Reads gRPC messages off a request body.
///
/// Idle, it holds no memory beyond itself: a message that arrives in one piece is a slice
/// of what arrived, and only a message in several pieces is put together in a buffer.
/// (tonic's reader has 8 KiB for each stream from the start.)
#[derive(Debug)]
pub(crate) struct FrameReader {
    connection: Arc<Connection>,
    /// Of the connection's [`Connection::hold`].
    held: usize,
    /// Of a message's length.
    limit: usize,
    /// What arrived last and was not looked at yet; empty whenever a poll is pending, so
    /// that it does not keep the connection's read buffer alive.
    arrived: Bytes,
    /// The beginning of a message whose end has not arrived.
    partial: BytesMut,
}

/// Why there is no further message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a message of {len} bytes; at most {limit} are allowed here")]
    TooLarge { len: usize, limit: usize },
    #[error("too many messages of this connection have begun and not ended")]
    TooMany,
    #[error("a compressed message; this service accepts only the identity encoding")]
    Compressed,
    #[error("a message begins with flag byte {0}; expected 0")]
    Flag(u8),
    #[error("the request ends within a message")]
    Truncated,
    #[error("a message that was begun and not finished within {0:?}")]
    Unfinished(Duration),
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
            FrameError::TooLarge { .. } | FrameError::TooMany => Self::resource_exhausted(text),
            FrameError::Compressed => Self::unimplemented(text),
            FrameError::Flag(_) | FrameError::Truncated | FrameError::Message(_) => {
                Self::invalid_argument(text)
            }
            FrameError::Unfinished(_) => Self::deadline_exceeded(text),
            FrameError::Broken => Self::cancelled(text),
        }
    }
}

impl FrameReader {
    /// Reads a stream's first message.
    pub(crate) fn new(connection: Arc<Connection>) -> Self {
        Self {
            connection,
            held: 0,
            limit: MAX_INITIAL_BYTES,
            arrived: Bytes::new(),
            partial: BytesMut::new(),
        }
    }

    /// From now on, reads what an admitted stream may send.
    pub(crate) fn admitted(&mut self) {
        self.limit = MAX_MESSAGE_BYTES;
    }

    /// Whether the beginning of a message is held, while its end is waited for.
    pub(crate) fn is_within_message(&self) -> bool {
        !self.partial.is_empty()
    }

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
                    self.take_partial();
                    return Poll::Ready(Some(Err(FrameError::Truncated)));
                }
            }
        }
    }

    /// A message out of what has arrived; `None` leaves `arrived` empty.
    fn take_message(&mut self) -> Result<Option<Bytes>, FrameError> {
        if self.partial.is_empty() {
            let needed = PREFIX_BYTES + self.message_len(&self.arrived)?.unwrap_or(0);
            if self.arrived.len() >= needed {
                let mut message = self.arrived.split_to(needed);
                message.advance(PREFIX_BYTES);
                return Ok(Some(message));
            }
        }
        // Twice at most: the rest of the prefix, then the rest of the message.
        while !self.arrived.is_empty() {
            let len = self.message_len(&self.partial)?;
            let needed = PREFIX_BYTES + len.unwrap_or(0);
            if len.is_some() {
                self.hold(needed)?;
            }
            let missing = (needed - self.partial.len()).min(self.arrived.len());
            self.partial
                .extend_from_slice(&self.arrived.split_to(missing));
            if let Some(len) = self.message_len(&self.partial)?
                && self.partial.len() == PREFIX_BYTES + len
            {
                let mut message = self.take_partial().freeze();
                message.advance(PREFIX_BYTES);
                return Ok(Some(message));
            }
        }
        self.arrived = Bytes::new();
        Ok(None)
    }

    /// Makes sure that the connection lets this reader hold so much.
    fn hold(&mut self, bytes: usize) -> Result<(), FrameError> {
        if self.held == 0 {
            if !self.connection.hold(bytes) {
                return Err(FrameError::TooMany);
            }
            self.held = bytes;
        }
        Ok(())
    }

    fn take_partial(&mut self) -> BytesMut {
        self.connection.release(std::mem::take(&mut self.held));
        std::mem::take(&mut self.partial)
    }

    /// The length in a message's prefix; `None` while the prefix is incomplete.
    fn message_len(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        let Some(&[flag, a, b, c, d]) = bytes.first_chunk() else {
            return Ok(None);
        };
        match flag {
            0 => {}
            1 => return Err(FrameError::Compressed),
            flag => return Err(FrameError::Flag(flag)),
        }
        let (len, limit) = (u32::from_be_bytes([a, b, c, d]) as usize, self.limit);
        if len > limit {
            return Err(FrameError::TooLarge { len, limit });
        }
        Ok(Some(len))
    }
}

impl Drop for FrameReader {
    fn drop(&mut self) {
        self.take_partial();
    }
}

#[cfg(test)]
mod tests;
