//! gRPC over plain HTTP/2: what no framework would let a server do can be done.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use h2::{RecvStream, server::SendResponse};
use http::{HeaderMap, HeaderValue, Response};
use prost::Message;
use tonic::Code;

/// The messages of a request.
pub struct Messages {
    body: RecvStream,
    read: BytesMut,
}

impl Messages {
    pub fn new(body: RecvStream) -> Self {
        Self {
            body,
            read: BytesMut::new(),
        }
    }

    /// None at the end, whatever it is.
    pub async fn next<M: Message + Default>(&mut self) -> Option<M> {
        loop {
            if let Some(message) = self.take() {
                return Some(M::decode(message).expect("the client encodes well"));
            }
            let data = self.body.data().await?.ok()?;
            let _ = self.body.flow_control().release_capacity(data.len());
            self.read.extend_from_slice(&data);
        }
    }

    fn take(&mut self) -> Option<Bytes> {
        let length = self.read.get(1..5)?;
        let length = u32::from_be_bytes(length.try_into().expect("four bytes")) as usize;
        if self.read.len() < 5 + length {
            return None;
        }
        self.read.advance(5);
        Some(self.read.split_to(length).freeze())
    }
}

/// A message with its prefix.
pub fn framed(message: &impl Message) -> Bytes {
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(message.encoded_len() as u32);
    message.encode(&mut framed).expect("it grows");
    framed.freeze()
}

pub fn head() -> Response<()> {
    let mut head = Response::new(());
    let grpc = HeaderValue::from_static("application/grpc");
    head.headers_mut().insert("content-type", grpc);
    head
}

pub fn trailers(code: Code, text: &'static str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(code as i32));
    trailers.insert("grpc-message", HeaderValue::from_static(text));
    trailers
}

/// An answer of a status and nothing else. The client may be gone.
pub fn refuse(respond: &mut SendResponse<Bytes>, code: Code, text: &'static str) {
    let mut answer = head();
    answer.headers_mut().extend(trailers(code, text));
    let _ = respond.send_response(answer, true);
}
