use super::{Config, schema::Lists};

/// What to warn of: the settings that differ from their defaults and have no effect yet.
/// Nobody shall believe in a protection that is not there.
pub(crate) fn pending(config: &Config) -> Vec<&'static str> {
    let lists = &config.lists;
    let defaults = Lists::default();
    [(
        lists.hold_down != defaults.hold_down
            || lists.mass_removal != defaults.mass_removal
            || lists.mass_min != defaults.mass_min
            || lists.mass_window != defaults.mass_window,
        "lists.hold_down, mass_removal, mass_min, mass_window: mass removals are not held \
             back yet, every removal is believed",
    )]
    .into_iter()
    .filter_map(|(set, pending)| set.then_some(pending))
    .collect()
}
