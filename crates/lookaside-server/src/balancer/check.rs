use lookaside_registry::Registry;

use super::{Balancer, StartError, start::check_access};
use crate::{Config, tls::Reloader};

impl Balancer {
    /// Whether [`Balancer::start`] would take this configuration: reads the files that it
    /// names, and opens no port.
    ///
    /// # Errors
    /// What a start would fail with, but for ports that are in use.
    pub fn check(config: &Config, registry: &dyn Registry) -> Result<(), StartError> {
        if let Some(tls) = config.tls.clone() {
            Reloader::new(tls)?;
        }
        check_access(config)?;
        if config.registration && registry.registrar().is_none() {
            return Err(StartError::ReadOnly {
                url: registry.url().to_owned(),
            });
        }
        Ok(())
    }
}
