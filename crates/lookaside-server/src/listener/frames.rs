/// Counts HTTP/2 frames in bytes as they come, and the work that they cause.
///
/// Only frame headers are looked at: RFC 9113, section 4.1. What is wrong with a frame is
/// for h2 to say.
#[derive(Debug, Default)]
pub(super) struct Frames {
    state: State,
    begun: bool,
}

#[derive(Debug)]
enum State {
    /// So many bytes of the client's preface.
    Preface(usize),
    /// The beginning of a frame header.
    Header { bytes: [u8; HEADER], len: usize },
    /// So much is missing of a frame's payload.
    Payload(usize),
    /// Not HTTP/2, as on the admin port.
    Other,
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The bytes of a frame header.
const HEADER: usize = 9;

/// The type of a frame with request headers.
const HEADERS: u8 = 1;

/// Units of work: each frame is one, and one more for so many bytes; headers begin a
/// request, which becomes a task and is answered.
const BYTES_PER_UNIT: usize = 64;
const UNITS_PER_REQUEST: usize = 20;

impl Default for State {
    fn default() -> Self {
        Self::Preface(0)
    }
}

impl State {
    const NEXT: Self = Self::Header {
        bytes: [0; HEADER],
        len: 0,
    };
}

impl Frames {
    /// Whether a first frame, or something that is no HTTP/2, has come.
    pub(super) fn have_begun(&self) -> bool {
        self.begun
    }

    /// Takes note of bytes; returns the units of work that they are.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> u32 {
        let mut units = bytes.len() / BYTES_PER_UNIT;
        while !bytes.is_empty() {
            let taken = match &mut self.state {
                State::Preface(matched) => {
                    let taken = bytes.len().min(PREFACE.len() - *matched);
                    if bytes[..taken] != PREFACE[*matched..*matched + taken] {
                        self.state = State::Other;
                        self.begun = true;
                        continue;
                    }
                    *matched += taken;
                    if *matched == PREFACE.len() {
                        self.state = State::NEXT;
                    }
                    taken
                }
                State::Header { bytes: header, len } => {
                    let taken = bytes.len().min(HEADER - *len);
                    header[*len..*len + taken].copy_from_slice(&bytes[..taken]);
                    *len += taken;
                    if *len == HEADER {
                        let [a, b, c, kind, ..] = *header;
                        units += if kind == HEADERS {
                            UNITS_PER_REQUEST
                        } else {
                            1
                        };
                        self.begun = true;
                        self.state = match u32::from_be_bytes([0, a, b, c]) {
                            0 => State::NEXT,
                            payload => State::Payload(payload as usize),
                        };
                    }
                    taken
                }
                State::Payload(missing) => {
                    let taken = bytes.len().min(*missing);
                    *missing -= taken;
                    if *missing == 0 {
                        self.state = State::NEXT;
                    }
                    taken
                }
                State::Other => break,
            };
            bytes = &bytes[taken..];
        }
        u32::try_from(units).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
