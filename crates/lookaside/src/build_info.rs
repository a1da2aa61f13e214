//! How this program was built, as `build.rs` found it.

use lookaside_server::Build;

/// With what is not known left empty.
pub(crate) fn build() -> Build {
    let features = env!("LOOKASIDE_BUILD_FEATURES").split(',');
    Build {
        commit: env!("LOOKASIDE_BUILD_COMMIT").to_owned(),
        target: env!("LOOKASIDE_BUILD_TARGET").to_owned(),
        rustc: env!("LOOKASIDE_BUILD_RUSTC").to_owned(),
        profile: env!("LOOKASIDE_BUILD_PROFILE").to_owned(),
        features: features
            .filter(|feature| !feature.is_empty())
            .map(ToOwned::to_owned)
            .collect(),
    }
}
