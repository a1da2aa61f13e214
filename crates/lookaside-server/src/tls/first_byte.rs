use std::error::Error;

/// The type of a handshake record, with which every TLS connection begins (RFC 8446,
/// section 5.1). HTTP begins with a capital letter.
const HANDSHAKE: u8 = 0x16;

/// Whether a connection that begins like this speaks TLS.
pub(crate) fn is_tls(first: u8) -> bool {
    first == HANDSHAKE
}

/// How a connection fails that speaks TLS to a port without it.
pub(crate) const SPOKE_TLS: &str = "it speaks TLS to a port that has none";

/// Whether that is how it failed. By the text: h2 keeps nothing else of an I/O error.
pub(crate) fn spoke_tls(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains(SPOKE_TLS) {
            return true;
        }
        cause = error.source();
    }
    false
}
