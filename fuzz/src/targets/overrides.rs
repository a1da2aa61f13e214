//! Operators' overrides: a key, a line break, a value.

use lookaside_core::OverrideTarget;
use lookaside_registry::{override_json, parse_override};

/// Any bytes: what is taken is written so that it reads the same, to the second.
pub fn run(data: &[u8]) {
    let (key, value) = match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[][..]),
    };
    let Ok(key) = std::str::from_utf8(key) else {
        return;
    };
    let Ok((service, target)) = OverrideTarget::parse_key(key) else {
        return;
    };
    assert_eq!(target.key(&service), key);
    let Ok((order, note)) = parse_override(target.clone(), value) else {
        return;
    };
    assert_eq!(order.target(), target);
    let written = override_json(&order, &note);
    let (again, noted) = parse_override(target, written.as_bytes()).expect("written by us");
    assert_eq!(again, order);
    assert_eq!(override_json(&again, &noted), written);
}
