//! How this program was built, as `build.rs` found it.

use lookaside_server::Build;

/// With what is not known left empty.
pub(crate) fn build() -> Build {
    let features = env!("BUILT_FEATURES").split(',');
    Build {
        commit: env!("BUILT_COMMIT").to_owned(),
        target: env!("BUILT_TARGET").to_owned(),
        rustc: env!("BUILT_RUSTC").to_owned(),
        profile: env!("BUILT_PROFILE").to_owned(),
        features: features
            .filter(|feature| !feature.is_empty())
            .map(ToOwned::to_owned)
            .collect(),
    }
}
