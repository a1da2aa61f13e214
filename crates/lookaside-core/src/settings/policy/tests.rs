use super::*;
use crate::{Drop, Override, OverrideNote};

fn half() -> Drops {
    let drop = Drop {
        category: "overload".into(),
        per_million: 500_000,
    };
    Drops::new([drop]).unwrap()
}

fn overriding(overrides: impl IntoIterator<Item = Override>) -> ServiceOverrides {
    let noted = overrides
        .into_iter()
        .map(|it| (it, OverrideNote::default()));
    ServiceOverrides::new(noted, Vec::new())
}

#[test]
fn an_override_wins_over_a_setting_and_that_over_the_configuration() {
    let mut configured = PolicyDefaults::default();
    let mut settings = Settings::default();
    let none = ServiceOverrides::default();
    let policy = Policy::new(&configured, &settings, &none);
    assert_eq!(policy.on_empty, sourced(OnEmpty::Fallback, Source::Default));
    assert_eq!(policy.drops, sourced(Drops::default(), Source::Default));
    assert_eq!(policy.health, sourced(None, Source::Default));

    configured.on_empty = OnEmpty::Hold;
    let policy = Policy::new(&configured, &settings, &none);
    assert_eq!(
        policy.on_empty,
        sourced(OnEmpty::Hold, Source::Configuration)
    );

    settings.on_empty = Some(OnEmpty::Fallback);
    settings.drops = half();
    settings.fallback = true;
    let policy = Policy::new(&configured, &settings, &none);
    assert_eq!(policy.on_empty, sourced(OnEmpty::Fallback, Source::Setting));
    assert_eq!(policy.drops, sourced(half(), Source::Setting));
    assert_eq!(policy.fallback, sourced(true, Source::Setting));

    let overrides = overriding([Override::Drops(Drops::default()), Override::Fallback(false)]);
    let policy = Policy::new(&configured, &settings, &overrides);
    assert_eq!(policy.drops, sourced(Drops::default(), Source::Override));
    assert_eq!(policy.fallback, sourced(false, Source::Override));
}
