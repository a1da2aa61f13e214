use std::path::Path;

use crate::{Scheme, Target, TargetError, TargetResolver, resolver::file::FileBuilder};

/// `file:///ABSOLUTE/PATH` or `file:PATH`: the addresses in a file, one per line.
#[derive(Debug)]
pub(super) struct FileScheme;

impl Scheme for FileScheme {
    fn name(&self) -> &str {
        "file"
    }

    fn resolver(&self, target: &Target) -> Result<TargetResolver, TargetError> {
        target.endpoint_alone("ABSOLUTE/PATH")?;
        let path = Path::new(target.path());
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let authority = stem.unwrap_or_else(|| target.endpoint()).to_owned();
        let resolver = FileBuilder {
            path: path.to_owned(),
        };
        Ok(TargetResolver::new(resolver)
            .without_balancers()
            .with_authority(authority))
    }
}
