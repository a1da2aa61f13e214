//! Names and units follow the conventions of OpenMetrics and Prometheus.

use anyhow::Result;

use crate::world::everything;

/// What a name may not say: other units than the base ones.
const SCALED: [&str; 8] = [
    "milliseconds",
    "millis",
    "microseconds",
    "nanoseconds",
    "minutes",
    "kilobytes",
    "megabytes",
    "percent",
];

#[tokio::test]
async fn every_name_has_the_prefix_a_base_unit_and_a_help() -> Result<()> {
    for (name, family) in everything().await? {
        assert!(name.starts_with("lookaside_"), "{name}");
        let words: Vec<&str> = name.split('_').collect();
        assert!(!words.iter().any(|word| SCALED.contains(word)), "{name}");
        for unit in ["seconds", "bytes", "ratio"] {
            let at = words.iter().position(|word| *word == unit);
            assert!(at.is_none_or(|at| at + 1 == words.len()), "{name}: {unit}");
        }
        if family.kind == "histogram" {
            assert_eq!(family.unit.as_deref(), Some("seconds"), "{name}");
        }
        assert!(family.help.ends_with('.'), "{name}: {}", family.help);
        assert!(
            family.help.starts_with(|it: char| it.is_uppercase()),
            "{name}: {}",
            family.help
        );
    }
    Ok(())
}
