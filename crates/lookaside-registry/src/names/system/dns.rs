use std::{fmt, net::IpAddr, pin::pin, time::Duration};

use hickory_resolver::{
    TokioResolver,
    config::{ResolveHosts, ResolverConfig, ResolverOpts},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::{Name, RecordType},
};
use tokio::time::timeout;

use super::{Answer, LookupError};

/// How long one family of addresses waits for the other: some name servers never answer
/// for the family they do not serve.
const OTHER_FAMILY: Duration = Duration::from_secs(1);

/// Asks name servers.
pub(super) struct Dns {
    resolver: TokioResolver,
    search: Vec<Name>,
    ndots: usize,
}

/// The addresses of one family, perhaps none, and for how long.
type Records = (Vec<IpAddr>, Duration);

impl Dns {
    pub(super) fn new(config: ResolverConfig, mut options: ResolverOpts) -> Result<Self, NetError> {
        let search = config.search().to_vec();
        let ndots = options.ndots;
        options.use_hosts_file = ResolveHosts::Never;
        // Names are asked for again when their time is over, and after a failure: then
        // from the server, which has a cache of its own.
        options.cache_size = 0;
        let mut builder =
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        Ok(Self {
            resolver: builder.build()?,
            search,
            ndots,
        })
    }

    /// The addresses under the first full name that has some, as the C library goes
    /// through them: a server's failure for one does not end the search.
    ///
    /// The library's own dual lookup takes one family's failure for its absence, and
    /// with separate ones each family would stop at a name of its own in the search list.
    pub(super) async fn lookup(&self, name: Name) -> Result<Answer, LookupError> {
        let mut result = Err(LookupError::NoAddress);
        for name in self.full_names(name) {
            match self.both_families(&name).await {
                Err(LookupError::NoAddress) => {}
                Err(error) => result = Err(error),
                Ok(answer) => return Ok(answer),
            }
        }
        result
    }

    /// resolv.conf(5): a name with at least `ndots` dots is tried as it is before the
    /// search list, another one after it.
    fn full_names(&self, name: Name) -> Vec<Name> {
        if name.is_fqdn() {
            return vec![name];
        }
        let mut as_is = name.clone();
        as_is.set_fqdn(true);
        if as_is.is_localhost() {
            return vec![as_is];
        }
        let dots = usize::from(name.num_labels()).saturating_sub(1);
        let searched = self.search.iter().filter_map(|suffix| {
            let mut full = name.clone().append_domain(suffix).ok()?;
            full.set_fqdn(true);
            Some(full)
        });
        let mut names: Vec<Name> = searched.collect();
        let place = if dots >= self.ndots { 0 } else { names.len() };
        names.insert(place, as_is);
        names
    }

    async fn both_families(&self, name: &Name) -> Result<Answer, LookupError> {
        let mut v4 = pin!(self.records(name, RecordType::A));
        let mut v6 = pin!(self.records(name, RecordType::AAAA));
        let (first, other) = tokio::select! {
            first = &mut v4 => (first, v6),
            first = &mut v6 => (first, v4),
        };
        let other = match &first {
            Ok((addresses, _)) if !addresses.is_empty() => timeout(OTHER_FAMILY, other)
                .await
                .unwrap_or(Err(LookupError::Timeout(OTHER_FAMILY))),
            _ => other.await,
        };
        match (first, other) {
            (Ok((mut addresses, ttl)), Ok((others, other_ttl))) => {
                addresses.extend(others);
                answer(addresses, ttl.min(other_ttl), None)
            }
            (Ok((addresses, ttl)), Err(error)) | (Err(error), Ok((addresses, ttl))) => {
                answer(addresses, ttl, Some(error))
            }
            (Err(error), Err(_)) => Err(error),
        }
    }

    async fn records(&self, name: &Name, family: RecordType) -> Result<Records, LookupError> {
        match self.resolver.lookup(name.clone(), family).await {
            Ok(found) => {
                let ttl = found.answers().iter().map(|record| record.ttl).min();
                let addresses = found.answers().iter();
                let addresses = addresses.filter_map(|record| record.data.ip_addr());
                // A family without records says nothing of how long the other's hold.
                let ttl = ttl.map_or(Duration::MAX, |ttl| Duration::from_secs(ttl.into()));
                Ok((addresses.collect(), ttl))
            }
            Err(error) if error.is_no_records_found() => Ok((Vec::new(), Duration::MAX)),
            Err(error) => Err(LookupError::Failed(error.to_string().into())),
        }
    }
}

fn answer(
    addresses: Vec<IpAddr>,
    ttl: Duration,
    incomplete: Option<LookupError>,
) -> Result<Answer, LookupError> {
    if addresses.is_empty() {
        return Err(incomplete.unwrap_or(LookupError::NoAddress));
    }
    Ok(Answer {
        addresses,
        ttl,
        incomplete,
    })
}

impl fmt::Debug for Dns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dns")
            .field("search", &self.search)
            .field("ndots", &self.ndots)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
