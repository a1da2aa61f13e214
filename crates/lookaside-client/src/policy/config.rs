use std::{any::Any, fmt, sync::Arc};

/// A policy's configuration, as its [`PolicyBuilder`](crate::PolicyBuilder) parsed it: of
/// whatever type it likes, which only it and its policies need to know. Cheap to clone.
///
/// ```
/// use lookaside_client::PolicyConfig;
///
/// #[derive(Debug, PartialEq)]
/// struct Subset { size: usize }
///
/// let config = PolicyConfig::new(Subset { size: 20 });
/// assert_eq!(config.get::<Subset>(), Some(&Subset { size: 20 }));
/// assert_eq!(config.get::<String>(), None);
/// ```
#[derive(Clone)]
pub struct PolicyConfig(Arc<dyn Any + Send + Sync>);

impl PolicyConfig {
    /// Wraps a configuration.
    pub fn new<T: Any + Send + Sync>(config: T) -> Self {
        Self(Arc::new(config))
    }

    /// What was read of a service config, or what is wrong with it, as
    /// [`PolicyBuilder::parse_config`](crate::PolicyBuilder::parse_config) says it.
    #[cfg(feature = "service-config")]
    pub(crate) fn parsed<T: Any + Send + Sync>(
        read: Result<T, crate::service_config::JsonError>,
    ) -> Result<Self, String> {
        read.map(Self::new).map_err(|error| error.to_string())
    }

    /// The configuration, if it is of this type.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

/// A configuration without content.
impl Default for PolicyConfig {
    fn default() -> Self {
        Self::new(())
    }
}

/// The same one, not one that says the same.
impl PartialEq for PolicyConfig {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for PolicyConfig {}

impl fmt::Debug for PolicyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PolicyConfig")
    }
}
