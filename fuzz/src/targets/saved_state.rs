//! Files of saved state.

use std::fmt::Write;

use lookaside_registry::saved::{decode, encode};
use sha2::{Digest, Sha256};

/// Any bytes as the whole file, and as the JSON behind a header that is right: what is
/// taken is written so that it reads the same.
pub fn run(data: &[u8]) {
    for file in [data, &sealed(data)] {
        if let Ok(state) = decode(file) {
            let written = encode(&state).expect("what was JSON");
            let again = decode(&written).expect("written by us");
            assert_eq!(encode(&again).expect("what was JSON"), written);
        }
    }
}

fn sealed(body: &[u8]) -> Vec<u8> {
    let mut file = format!("lookaside-state 1 length={} sha256=", body.len());
    for byte in Sha256::digest(body) {
        write!(file, "{byte:02x}").expect("a text");
    }
    file.push('\n');
    [file.as_bytes(), body].concat()
}
