use std::{collections::BTreeMap, fmt, sync::Arc};

use super::{ResolverBuilder, schemes};
use crate::{BuildError, Target, TargetError, target};

/// One scheme of target URIs: finds the resolver for a target.
pub trait Scheme: Send + Sync + fmt::Debug + 'static {
    /// As in front of a target: `dns`. In lower case.
    fn name(&self) -> &str;

    /// The resolver for `target`, which has this scheme.
    ///
    /// # Errors
    /// When the target is not what the scheme expects. What takes time, or may succeed
    /// later, is for the resolver.
    fn resolver(&self, target: &Target) -> Result<TargetResolver, TargetError>;
}

/// What a [`Scheme`] makes of a target.
#[derive(Debug)]
#[non_exhaustive]
pub struct TargetResolver {
    /// Finds the addresses.
    pub resolver: Box<dyn ResolverBuilder>,
    /// The `:authority` of calls, unless the builder was given one. Default: the target's
    /// endpoint.
    pub authority: Option<Box<str>>,
    /// Whether the channel follows balancers, should the resolver name any. Default: yes.
    pub balancers: bool,
}

impl TargetResolver {
    /// With what is the default.
    pub fn new(resolver: impl ResolverBuilder) -> Self {
        Self::boxed(Box::new(resolver))
    }

    pub(crate) fn boxed(resolver: Box<dyn ResolverBuilder>) -> Self {
        Self {
            resolver,
            authority: None,
            balancers: true,
        }
    }

    /// Calls carry this `:authority`.
    #[must_use]
    pub fn with_authority(mut self, authority: impl Into<Box<str>>) -> Self {
        self.authority = Some(authority.into());
        self
    }

    /// Addresses only: balancers that the resolver names are not used.
    #[must_use]
    pub fn without_balancers(mut self) -> Self {
        self.balancers = false;
        self
    }
}

/// The schemes that targets may have, by name.
///
/// ```
/// use lookaside_client::{
///     Address, Resolver, ResolverBuilder, ResolverController, ResolverRegistry, ResolverUpdate,
///     Scheme, Target, TargetError, TargetResolver, WorkScheduler,
/// };
///
/// /// `local:///7001` is port 7001 of this machine.
/// #[derive(Debug)]
/// struct Local;
///
/// impl Scheme for Local {
///     fn name(&self) -> &str {
///         "local"
///     }
///
///     fn resolver(&self, target: &Target) -> Result<TargetResolver, TargetError> {
///         let port = target.endpoint_alone("PORT")?;
///         let port = port.parse().map_err(|_| TargetError::new("expected local:///PORT"))?;
///         Ok(TargetResolver::new(Port(Some(port))).with_authority("localhost"))
///     }
/// }
///
/// #[derive(Clone, Copy, Debug)]
/// struct Port(Option<u16>);
///
/// impl ResolverBuilder for Port {
///     fn build(&self, _: WorkScheduler) -> Box<dyn Resolver> {
///         Box::new(*self)
///     }
/// }
///
/// impl Resolver for Port {
///     fn resolve_now(&mut self) {}
///
///     fn work(&mut self, controller: &mut dyn ResolverController) {
///         // Once: it never changes.
///         if let Some(port) = self.0.take() {
///             let address = Address::new(([127, 0, 0, 1], port).into());
///             controller.update(ResolverUpdate::new([address]));
///         }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let channel = lookaside_client::Channel::builder("local:///7001")
///     .resolvers(ResolverRegistry::new().register(Local))
///     .build()
///     .unwrap();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ResolverRegistry(BTreeMap<Box<str>, Arc<dyn Scheme>>);

impl ResolverRegistry {
    /// The schemes of this crate, as far as their features are enabled.
    #[must_use]
    pub fn new() -> Self {
        schemes::built_in()
            .into_iter()
            .fold(Self::empty(), Self::add)
    }

    /// No scheme at all.
    #[must_use]
    pub fn empty() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds a scheme, in place of one that has its name.
    #[must_use]
    pub fn register(self, scheme: impl Scheme) -> Self {
        self.add(Arc::new(scheme))
    }

    fn add(mut self, scheme: Arc<dyn Scheme>) -> Self {
        self.0.insert(scheme.name().into(), scheme);
        self
    }

    /// The names of the schemes, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|name| &**name)
    }

    /// The target that `text` is, if it is a URI: one of a scheme that is known, or one
    /// that cannot be anything else.
    ///
    /// # Errors
    /// Names the schemes there are.
    pub(crate) fn target(&self, text: &str) -> Result<Option<Target>, BuildError> {
        let Some((scheme, rest)) = target::split(text) else {
            return Ok(None);
        };
        let scheme = scheme.to_ascii_lowercase();
        let wrong = |source| BuildError::TargetUri {
            target: text.to_owned(),
            source,
        };
        if scheme == schemes::GRPCLB || self.0.contains_key(&*scheme) {
            return Target::parse(text).map(Some).map_err(wrong);
        }
        if !rest.starts_with("//") {
            return Ok(None);
        }
        if let Some(feature) = schemes::feature_of(&scheme) {
            return Err(wrong(TargetError::new(format_args!(
                "scheme {scheme:?} needs feature {feature:?} of lookaside-client"
            ))));
        }
        let known: Vec<_> = self.names().chain([schemes::GRPCLB]).collect();
        let known = known.join(", ");
        Err(wrong(TargetError::new(format_args!(
            "unknown scheme {scheme:?}, expected one of: {known}"
        ))))
    }

    /// The resolver for a target.
    pub(crate) fn resolver(&self, target: &Target) -> Result<TargetResolver, BuildError> {
        let wrong = |source| BuildError::TargetUri {
            target: target.to_string(),
            source,
        };
        let scheme = self.0.get(target.scheme()).ok_or_else(|| {
            wrong(TargetError::new(format_args!(
                "unknown scheme {:?}",
                target.scheme()
            )))
        })?;
        scheme.resolver(target).map_err(wrong)
    }
}

impl Default for ResolverRegistry {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
