//! Service names as clients send them, backend ids, addresses.

use lookaside_core::{BackendId, HostPort, MAX_NAME_BYTES, ServiceName};

/// Any text as each of them: what is taken is written again as it was, or as the same.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(name) = ServiceName::new(text) {
        assert_eq!(name.as_str(), text);
        assert!((1..=MAX_NAME_BYTES).contains(&text.len()));
    }
    if let Ok(id) = BackendId::new(text) {
        assert_eq!(id.as_str(), text);
        assert!(!text.contains('/'));
    }
    if let Ok(names) = ServiceName::candidates(text) {
        assert!((1..=4).contains(&names.len()));
        for (at, name) in names.iter().enumerate() {
            assert!(text.starts_with(name.as_str()), "{name} of {text:?}");
            assert!(!names[..at].contains(name), "{name} twice");
        }
    }
    if let Ok(address) = text.parse::<HostPort>() {
        assert_eq!(address.to_string().parse(), Ok(address.clone()));
        let dialable = address.clone().dialable();
        assert!(dialable.is_err() || dialable == Ok(address));
    }
}
