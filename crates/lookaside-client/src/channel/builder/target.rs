use lookaside_core::{HostPort, ServiceName};

use super::Builder;
use crate::{
    BuildError, ResolverBuilder, ResolverRegistry, Target, TargetError, TargetResolver,
    resolver::{self, GRPCLB, Passthrough},
};

/// Whether a channel follows balancers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Balancers {
    /// Also if its resolver names some.
    Never,
    /// Also while its resolver names none: it is in fallback then.
    Always,
    /// From when on its resolver names some.
    IfNamed,
}

/// What a target and the addresses beside it come to.
pub(super) struct Aim {
    /// What balancers are asked for.
    pub(super) service: String,
    /// Of the calls, unless the builder was given one.
    pub(super) authority: String,
    pub(super) resolver: Box<dyn ResolverBuilder>,
    pub(super) balancers: Balancers,
}

impl Builder {
    /// The schemes that the target may have. Default: those of this crate.
    pub fn resolvers(mut self, resolvers: ResolverRegistry) -> Self {
        self.resolvers = resolvers;
        self
    }

    pub(super) fn aim(&mut self) -> Result<Aim, BuildError> {
        let text = self.target.clone();
        let target = self.resolvers.target(&text)?;
        let beside = self.resolver.is_some()
            || !self.balancers.is_empty()
            || !self.addresses.is_empty()
            || !self.fallback.is_empty();
        match target {
            Some(target) if target.scheme() == GRPCLB => self.aim_at_balancers(&target),
            Some(_) if beside => Err(BuildError::TargetAndAddresses(text)),
            Some(target) => {
                let found = self.resolvers.resolver(&target)?;
                Ok(Aim::new(target.endpoint(), found))
            }
            None if !beside && text.parse().and_then(HostPort::dialable).is_ok() => {
                // gRPC's default scheme for a target without one, where nothing else is said.
                let uri = format!("{}:///{text}", Passthrough::NAME);
                let wrong = |source| BuildError::TargetUri {
                    target: text.clone(),
                    source,
                };
                let target = Target::parse(&uri).map_err(wrong)?;
                let found = crate::Scheme::resolver(&Passthrough, &target).map_err(wrong)?;
                Ok(Aim::new(&text, found))
            }
            None => self.aim_at_service(&text),
        }
    }

    fn aim_at_balancers(&mut self, target: &Target) -> Result<Aim, BuildError> {
        let wrong = |source| BuildError::TargetUri {
            target: target.to_string(),
            source,
        };
        let service = target.endpoint_alone("SERVICE").map_err(wrong)?;
        let named = matches!(self.resolver, Some((_, true)));
        if self.balancers.is_empty() && !named {
            return Err(wrong(TargetError::new("give the builder its balancers")));
        }
        self.aim_at_service(service)
    }

    fn aim_at_service(&mut self, service: &str) -> Result<Aim, BuildError> {
        ServiceName::new(service)?;
        let (balancers, plain) = (!self.balancers.is_empty(), !self.addresses.is_empty());
        let fallback = !self.fallback.is_empty();
        if self.resolver.is_some() && (balancers || plain || fallback) {
            return Err(BuildError::ResolverAndAddresses);
        }
        if plain && (balancers || fallback) {
            return Err(BuildError::AddressesAndBalancers);
        }
        let (resolver, balancers) = match self.resolver.take() {
            Some((resolver, true)) => (resolver, Balancers::Always),
            Some((resolver, false)) => (resolver, Balancers::Never),
            None if !balancers && !plain && fallback => {
                return Err(BuildError::FallbackWithoutBalancers);
            }
            None if !balancers && !plain => {
                return Err(BuildError::NoAddresses(service.to_owned()));
            }
            None => {
                let lookaside = parse("balancer", &self.balancers)?;
                let mut addresses = parse("fallback address", &self.fallback)?;
                addresses.extend(parse("backend address", &self.addresses)?);
                let follow = if balancers {
                    Balancers::Always
                } else {
                    Balancers::Never
                };
                (resolver::for_hosts(addresses, lookaside)?, follow)
            }
        };
        Ok(Aim {
            service: service.to_owned(),
            authority: service.to_owned(),
            resolver,
            balancers,
        })
    }
}

impl Aim {
    fn new(endpoint: &str, found: TargetResolver) -> Self {
        let authority = found
            .authority
            .map_or_else(|| endpoint.to_owned(), String::from);
        Self {
            service: endpoint.to_owned(),
            authority,
            resolver: found.resolver,
            balancers: if found.balancers {
                Balancers::IfNamed
            } else {
                Balancers::Never
            },
        }
    }
}

fn parse(role: &'static str, texts: &[String]) -> Result<Vec<HostPort>, BuildError> {
    let parse = |text: &String| text.parse().and_then(HostPort::dialable);
    texts
        .iter()
        .map(|text| parse(text).map_err(|source| BuildError::Address { role, source }))
        .collect()
}
