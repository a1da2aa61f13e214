use lookaside_proto::v1;

use crate::{Build, ConfigurationKey};

pub(super) fn build(build: &Build) -> v1::Build {
    v1::Build {
        commit: build.commit.clone(),
        target: build.target.clone(),
        rustc: build.rustc.clone(),
        profile: build.profile.clone(),
        features: build.features.clone(),
    }
}

pub(super) fn configuration(keys: &[ConfigurationKey]) -> v1::GetConfigurationResponse {
    let key = |key: &ConfigurationKey| v1::ConfigurationKey {
        name: key.name.clone(),
        value: key.value.clone(),
        source: key.source.to_owned(),
        origin: key.origin.clone(),
    };
    v1::GetConfigurationResponse {
        keys: keys.iter().map(key).collect(),
    }
}
