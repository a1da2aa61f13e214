use super::{Config, schema::Lists};

/// A setting that this version reads but does not act on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pending {
    /// It goes without: worth a warning.
    Warn(&'static str),
    /// Going without would be unsafe, or not what was asked for.
    Refuse(&'static str),
}

/// The settings that differ from their defaults and have no effect yet: nobody shall
/// believe in a protection that is not there.
pub(crate) fn pending(config: &Config) -> Vec<Pending> {
    let Config { lists, tokens, .. } = config;
    let defaults = Lists::default();
    [
        (
            !tokens.keys.is_empty(),
            Pending::Refuse("tokens.keys: signed tokens are not implemented yet"),
        ),
        (
            lists.hold_down != defaults.hold_down
                || lists.mass_removal != defaults.mass_removal
                || lists.mass_min != defaults.mass_min
                || lists.mass_window != defaults.mass_window,
            Pending::Warn(
                "lists.hold_down, mass_removal, mass_min, mass_window: mass removals are \
                 not held back yet, every removal is believed",
            ),
        ),
    ]
    .into_iter()
    .filter_map(|(set, pending)| set.then_some(pending))
    .collect()
}
