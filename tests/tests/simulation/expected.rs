//! What clients should be told in a state of the registry: worked out from weights and
//! shares, not with the product's own planner.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
};

use lookaside_core::{Backend, BackendState, ServiceName, TokenIssuer, strip_variant};
use lookaside_proto::lb::Server;
use lookaside_registry::RegistryState;

/// A drop's share in a list may be off by so much.
const DROP_TOLERANCE: f64 = 0.001;

/// One service in one state of the registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// What the settings order.
    ordered_fallback: bool,
    /// Backends that take calls: token and weight, by address.
    backends: BTreeMap<SocketAddr, (String, u32)>,
    /// Those that are registered and do not.
    drained: BTreeSet<SocketAddr>,
    drops: BTreeMap<String, u32>,
}

/// A list without order, variant and rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    pub slots: usize,
    pub backends: BTreeMap<(SocketAddr, String), usize>,
    pub drops: BTreeMap<String, usize>,
}

impl Expected {
    pub fn new(state: &RegistryState, name: &ServiceName) -> Self {
        let service = state.backends.as_ref().and_then(|it| it.services.get(name));
        let settings = state.settings.as_ref().and_then(|it| it.services.get(name));
        let settings = settings.map(|it| it.settings.clone()).unwrap_or_default();
        let backends = service.into_iter().flat_map(|it| &it.backends);
        let (eligible, drained): (Vec<_>, Vec<_>) =
            backends.partition(|it| it.weight > 0 && it.state == BackendState::Serving);
        let address = |it: &Arc<Backend>| it.address.socket_addr().expect("no names here");
        Self {
            ordered_fallback: settings.fallback,
            backends: eligible
                .into_iter()
                .map(|it| {
                    let token = TokenIssuer::default().issue(name, &it.id);
                    (address(it), (token.as_str().to_owned(), it.weight))
                })
                .collect(),
            drained: drained.into_iter().map(address).collect(),
            drops: settings
                .drops
                .as_slice()
                .iter()
                .map(|it| (it.category.to_string(), it.per_million))
                .collect(),
        }
    }

    /// Backends that take calls.
    pub fn addresses(&self) -> BTreeSet<SocketAddr> {
        self.backends.keys().copied().collect()
    }

    /// Backends that took calls before and have vanished since without a word.
    pub fn vanished_since(&self, before: &Self) -> impl Iterator<Item = SocketAddr> {
        let gone = before.backends.keys().copied();
        gone.filter(|it| !self.backends.contains_key(it) && !self.drained.contains(it))
    }

    /// As it would be if this backend, as it was before, were still registered.
    pub fn with(&self, address: SocketAddr, before: &Self) -> Self {
        let mut kept = self.clone();
        if let Some(backend) = before.backends.get(&address) {
            kept.backends.insert(address, backend.clone());
        }
        kept
    }

    /// Clients use their own addresses.
    pub fn is_fallback(&self) -> bool {
        self.ordered_fallback || self.backends.is_empty()
    }

    /// Every call is dropped.
    pub fn drops_all(&self) -> bool {
        !self.is_fallback() && self.drops.values().sum::<u32>() == 1_000_000
    }

    pub fn lists(&self, address: SocketAddr) -> bool {
        !self.is_fallback() && self.backends.contains_key(&address)
    }

    pub fn drops(&self, category: &str) -> bool {
        !self.is_fallback() && self.drops.contains_key(category)
    }

    /// Whether this is what a message (`None`: fallback) says.
    pub fn is_told_by(&self, told: Option<&Contents>) -> bool {
        let Some(list) = told else {
            return self.is_fallback();
        };
        if self.is_fallback() {
            return false;
        }
        let share = |slots: usize| slots as f64 / list.slots as f64;
        let drops_fit = list.drops.keys().all(|it| self.drops.contains_key(it))
            && self.drops.iter().all(|(category, per_million)| {
                let slots = list.drops.get(category).copied().unwrap_or_default();
                (share(slots) - f64::from(*per_million) / 1e6).abs() <= DROP_TOLERANCE
            });
        drops_fit && (self.drops_all() || self.has_weights_of(list))
    }

    /// Slots in exact proportion to the weights.
    fn has_weights_of(&self, list: &Contents) -> bool {
        let same_backends = self
            .backends
            .iter()
            .map(|(address, (token, _))| (*address, token.clone()))
            .eq(list.backends.keys().cloned());
        let (weights, slots): (Vec<u64>, Vec<u64>) = self
            .backends
            .values()
            .zip(list.backends.values())
            .map(|((_, weight), slots)| (u64::from(*weight), *slots as u64))
            .unzip();
        same_backends && (1..weights.len()).all(|i| weights[i] * slots[0] == weights[0] * slots[i])
    }
}

impl Contents {
    /// Reads a list.
    ///
    /// # Errors
    /// What is wrong with it in any state of the registry.
    pub fn read(servers: &[Server]) -> Result<Self, String> {
        let first = servers.first().ok_or("an empty list")?;
        let token = &first.load_balance_token;
        if strip_variant(token) == token {
            return Err(format!("the first token has no variant: {token}"));
        }
        let mut contents = Self {
            slots: servers.len(),
            backends: BTreeMap::new(),
            drops: BTreeMap::new(),
        };
        for (index, server) in servers.iter().enumerate() {
            let token = match index {
                0 => strip_variant(token),
                _ => server.load_balance_token.as_str(),
            };
            if server.drop {
                *contents.drops.entry(token.to_owned()).or_default() += 1;
                continue;
            }
            let ip: [u8; 4] = server.ip_address[..]
                .try_into()
                .map_err(|_| format!("entry {index}: no IPv4 address: {server:?}"))?;
            let port = u16::try_from(server.port)
                .map_err(|_| format!("entry {index}: no port: {server:?}"))?;
            let key = (SocketAddr::from((ip, port)), token.to_owned());
            *contents.backends.entry(key).or_default() += 1;
        }
        Ok(contents)
    }
}
