use std::sync::Arc;

use lookaside_core::{ServiceName, ServiceSettings};
use lookaside_registry::{
    apply_settings, parse_settings,
    reflector::{KeyValue, Layout},
};

use super::rest;

/// Settings at `<prefix><service>`. Deleting the key resets them.
#[derive(Debug)]
pub(crate) struct SettingsKeys {
    pub(crate) prefix: Arc<str>,
}

impl Layout for SettingsKeys {
    type Entry = ServiceSettings;
    type Service = ServiceSettings;

    fn service(&self, key: &[u8]) -> Result<ServiceName, Arc<str>> {
        ServiceName::new(rest(&self.prefix, key)?).map_err(|error| error.to_string().into())
    }

    fn entry(&self, it: &KeyValue, before: Option<&ServiceSettings>) -> ServiceSettings {
        let key = String::from_utf8_lossy(&it.key);
        apply_settings(before, key, it.mod_revision, parse_settings(&it.value))
    }

    fn assemble<'a>(
        &self,
        mut entries: impl Iterator<Item = &'a ServiceSettings>,
    ) -> ServiceSettings {
        // One key is one service.
        entries.next().cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(value: &str, before: Option<&ServiceSettings>) -> ServiceSettings {
        let layout = SettingsKeys {
            prefix: "config/".into(),
        };
        assert_eq!(layout.service(b"config/a/b").unwrap().as_str(), "a/b");
        let it = KeyValue {
            key: b"config/a/b".to_vec(),
            value: value.into(),
            mod_revision: 3,
        };
        layout.assemble([layout.entry(&it, before)].iter())
    }

    #[test]
    fn a_bad_object_keeps_the_last_good_one_whole_and_is_shown() {
        let good = put(r#"{"fallback":true}"#, None);
        assert!(good.settings.fallback && good.problem.is_none());
        let bad = put(r#"{"fallback":false,"nonsense":1}"#, Some(&good));
        assert!(bad.settings.fallback);
        assert_eq!(&*bad.problem.unwrap().key, "config/a/b");
    }
}
