use lookaside_core::{Drop, Drops};
use lookaside_registry::parse_settings;

use super::*;

#[test]
fn settings_are_written_so_that_they_read_the_same() {
    let mut settings = Settings::default();
    settings.fallback = true;
    settings.drops = Drops::new([Drop {
        category: "overload".into(),
        per_million: 250_000,
    }])
    .unwrap();
    assert_eq!(
        parse_settings(encode(&settings).as_bytes()).unwrap(),
        settings
    );
}
