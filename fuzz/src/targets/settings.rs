//! A service's settings, as operators write them.

use lookaside_registry::{apply_settings, parse_settings, settings_json};

/// Any bytes: what is taken is written so that it reads the same; what is not leaves the
/// last good settings.
pub fn run(data: &[u8]) {
    let read = parse_settings(data);
    if let Ok(settings) = &read {
        let written = settings_json(settings);
        assert_eq!(parse_settings(written.as_bytes()).as_ref(), Ok(settings));
    }
    let first = apply_settings(None, "key", 1, read.clone());
    assert_eq!(first.problem.is_some(), read.is_err());
    let next = apply_settings(Some(&first), "key", 2, parse_settings(b"{"));
    assert_eq!(next.settings, first.settings);
}
