//! Just enough HTTP/2 to open a `BalanceLoad` stream and to see lists arrive, at next to
//! no cost: the clients of a benchmark share the machine with what is measured.

use lookaside_proto::{BALANCE_LOAD_PATH, lb::LoadBalanceRequest};
use tonic::codegen::Bytes;

use crate::wire::initial;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const ACK: u8 = 1;
/// Flag: the sender's side of the stream is over.
pub const END_STREAM: u8 = 1;
/// Flag: no CONTINUATION follows.
pub const END_HEADERS: u8 = 4;

/// The types of frames (RFC 9113, section 6).
pub mod kind {
    #![allow(missing_docs, reason = "their names are those of the RFC")]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}
use kind::{DATA, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE};

/// One frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len())
        .expect("a short frame")
        .to_be_bytes();
    let mut frame = vec![len[1], len[2], len[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A gRPC message with its prefix.
pub fn message(payload: &[u8]) -> Vec<u8> {
    let mut message = vec![0];
    message.extend(
        u32::try_from(payload.len())
            .expect("a short message")
            .to_be_bytes(),
    );
    message.extend(payload);
    message
}

/// The largest window that needs no updates in any benchmark.
const WIDE: u32 = 1 << 30;

/// What a client that never reads lets the server send: HTTP/2's default.
const NARROW: u32 = 65_535;

/// All that a client sends to open a stream for `service`: preface, windows too large to
/// need updates, headers, initial request.
pub fn opening(service: &str) -> Bytes {
    opening_within(service, WIDE)
}

/// As [`opening`], for a client that is never going to update its windows.
pub fn opening_stuck(service: &str) -> Bytes {
    opening_within(service, NARROW)
}

fn opening_within(service: &str, window: u32) -> Bytes {
    [preface(window), request(1), ask(1, service)]
        .concat()
        .into()
}

/// What a connection begins with; its windows and its streams' have this size.
pub fn preface(window: u32) -> Vec<u8> {
    let mut settings = vec![0, 4]; // SETTINGS_INITIAL_WINDOW_SIZE
    settings.extend(window.to_be_bytes());
    let mut bytes = PREFACE.to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &settings));
    if let Some(update @ 1..) = window.checked_sub(NARROW) {
        bytes.extend(frame(WINDOW_UPDATE, 0, 0, &update.to_be_bytes()));
    }
    bytes
}

/// The headers of a `BalanceLoad` call, as HPACK has them.
pub fn headers() -> Vec<u8> {
    let literal = |text: &str| {
        let mut bytes = vec![u8::try_from(text.len()).expect("a short text")];
        bytes.extend(text.as_bytes());
        bytes
    };
    // Indexed POST and http; then literals without indexing.
    let mut headers = vec![0x83, 0x86, 0x04];
    headers.extend(literal(BALANCE_LOAD_PATH));
    headers.push(0x01);
    headers.extend(literal("bench"));
    headers.extend([0x0f, 0x10]);
    headers.extend(literal("application/grpc"));
    headers.push(0x00);
    headers.extend(literal("te"));
    headers.extend(literal("trailers"));
    headers
}

/// The beginning of a `BalanceLoad` call.
pub fn request(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &headers())
}

/// Its first message.
pub fn ask(stream: u32, service: &str) -> Vec<u8> {
    let request: LoadBalanceRequest = initial(service);
    let request = message(&prost::Message::encode_to_vec(&request));
    frame(DATA, 0, stream, &request)
}

/// The frames with which a server answers an opening: settings, response headers
/// (`:status 200`, content type), and `first` as the first message.
pub fn answer(first: &[u8]) -> Vec<u8> {
    let mut headers = vec![0x88, 0x0f, 0x10, 16];
    headers.extend(b"application/grpc");
    let mut bytes = frame(SETTINGS, 0, 0, &[]);
    bytes.extend(frame(SETTINGS, ACK, 0, &[]));
    bytes.extend(frame(HEADERS, END_HEADERS, 1, &headers));
    bytes.extend(data(first));
    bytes
}

/// A message as a data frame of stream 1.
pub fn data(payload: &[u8]) -> Vec<u8> {
    frame(DATA, 0, 1, &message(payload))
}

/// What a client must do about received bytes.
#[derive(Debug, Default)]
pub struct Received {
    /// Server lists that were completed.
    pub lists: usize,
    /// Bytes to send back: acknowledgements.
    pub reply: Vec<u8>,
    /// Why the stream is over, if it is.
    pub ended: Option<String>,
}

/// Reads frames and gRPC messages from bytes as they come.
#[derive(Debug, Default)]
pub struct Reader {
    bytes: Vec<u8>,
    /// Of the message that is being received: what is missing, and whether it is a list.
    missing: usize,
    prefix: Vec<u8>,
    is_list: Option<bool>,
}

impl Reader {
    /// Takes what arrived.
    pub fn read(&mut self, bytes: &[u8]) -> Received {
        self.bytes.extend(bytes);
        let mut received = Received::default();
        let mut at = 0;
        while let Some(header) = self.bytes.get(at..at + 9) {
            let len =
                usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
            let (kind, flags) = (header[3], header[4]);
            let Some(payload) = self.bytes.get(at + 9..at + 9 + len) else {
                break;
            };
            let payload = payload.to_vec();
            at += 9 + len;
            match kind {
                DATA => received.lists += self.messages(&payload),
                SETTINGS if flags & ACK == 0 => received.reply.extend(frame(SETTINGS, ACK, 0, &[])),
                PING if flags & ACK == 0 => received.reply.extend(frame(PING, ACK, 0, &payload)),
                RST_STREAM | GOAWAY => received.ended = Some(format!("frame {kind}: {payload:?}")),
                _ => {}
            }
            if (kind == DATA || kind == HEADERS) && flags & END_STREAM != 0 {
                received.ended = Some(String::from("the stream was ended"));
            }
        }
        self.bytes.drain(..at);
        received
    }

    fn messages(&mut self, mut data: &[u8]) -> usize {
        let mut lists = 0;
        while !data.is_empty() {
            if self.missing == 0 {
                let take = data.len().min(5 - self.prefix.len());
                self.prefix.extend(&data[..take]);
                data = &data[take..];
                if let [_, a, b, c, d] = self.prefix[..] {
                    self.missing = u32::from_be_bytes([a, b, c, d]) as usize;
                    self.prefix.clear();
                    self.is_list = None;
                }
                continue;
            }
            // The tag of the oneof's field: 2, length-delimited, is a server list.
            let is_list = *self.is_list.get_or_insert(data[0] == 0x12);
            let take = data.len().min(self.missing);
            self.missing -= take;
            data = &data[take..];
            lists += usize::from(is_list && self.missing == 0);
        }
        lists
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_counted_however_the_bytes_are_cut() {
        let list = [0x12, 2, 0x0a, 0];
        let mut bytes = answer(&[0x0a, 0]);
        bytes.extend(data(&list));
        bytes.extend(frame(
            DATA,
            0,
            1,
            &[message(&list), message(&list)].concat(),
        ));
        for cut in 1..bytes.len() {
            let mut reader = Reader::default();
            let lists: usize = bytes.chunks(cut).map(|part| reader.read(part).lists).sum();
            assert_eq!(lists, 3, "cut into {cut}");
        }
    }

    #[test]
    fn settings_and_pings_are_answered_and_an_end_is_seen() {
        let mut reader = Reader::default();
        let received = reader.read(&frame(PING, 0, 0, b"12345678"));
        assert_eq!(received.reply, frame(PING, ACK, 0, b"12345678"));
        assert_eq!(reader.read(&frame(SETTINGS, ACK, 0, &[])).reply, [0u8; 0]);
        assert!(
            reader
                .read(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x88]))
                .ended
                .is_some()
        );
    }
}
