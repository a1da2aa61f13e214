//! Looks at a deployment.

mod admin;
mod balancer;
mod certificates;
mod list;
mod names;
mod registry;

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use lookaside_core::HostPort;
use lookaside_tls::ClientTls;
use tokio::task::JoinSet;

use self::balancer::Watcher;
use super::{Facts, checks::disagreements, facts::BalancerFacts};
use crate::config::Config;

/// How often replicas that disagree are asked again, and after how long each time: a
/// change takes `quiet` and `max_delay` (a second) to be planned, and the registry's
/// watch a moment to reach the last replica.
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(500);

/// What to look at.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    pub(crate) balancers: Vec<HostPort>,
    pub(crate) admins: Vec<HostPort>,
    pub(crate) tls: Option<ClientTls>,
    /// None: all.
    pub(crate) services: BTreeSet<String>,
    /// Whose registry is to be read directly.
    pub(crate) registry: Option<Box<Config>>,
    /// Files with certificates, and what names them.
    pub(crate) files: Vec<(&'static str, PathBuf)>,
    /// A name that clients dial.
    pub(crate) srv: Option<String>,
    /// Whom to ask for it; `None`: as the system is told.
    pub(crate) name_server: Option<SocketAddr>,
}

/// Looks at all of it. Whatever cannot be reached is a fact of its own; nothing here fails.
pub(crate) async fn gather(questions: Questions) -> Facts {
    let Questions {
        mut balancers,
        admins,
        tls,
        services,
        registry,
        files,
        srv,
        name_server,
    } = questions;
    let srv = match srv {
        Some(name) => Some(names::look_up(&name, name_server).await),
        None => None,
    };
    if balancers.is_empty() {
        let found = srv.iter().flat_map(|srv| srv.found.iter().flatten());
        balancers = found.map(|target| target.address.clone()).collect();
    }
    let asked = async {
        let mut watchers = connect(&balancers, tls.as_ref()).await;
        look(&mut watchers, &services).await
    };
    let read = async {
        match registry {
            Some(config) => Some(registry::read(*config).await),
            None => None,
        }
    };
    let (balancers, admins, registry) = tokio::join!(asked, admin::ask(admins, tls.as_ref()), read);
    Facts {
        now: SystemTime::now(),
        version: env!("CARGO_PKG_VERSION"),
        balancers,
        wanted: services,
        admins,
        registry,
        files: certificates::read(files),
        srv,
    }
}

async fn connect(balancers: &[HostPort], tls: Option<&ClientTls>) -> Vec<Watcher> {
    let mut connecting = JoinSet::new();
    for (i, address) in balancers.iter().cloned().enumerate() {
        let tls = tls.cloned();
        connecting.spawn(async move { (i, Watcher::connect(address, tls).await) });
    }
    let mut watchers = connecting.join_all().await;
    watchers.sort_by_key(|(i, _)| *i);
    watchers.into_iter().map(|(_, watcher)| watcher).collect()
}

/// Asks all of them, and again for a while if they do not agree.
async fn look(watchers: &mut Vec<Watcher>, services: &BTreeSet<String>) -> Vec<BalancerFacts> {
    let mut facts = ask(watchers, services).await;
    for _ in 0..TRIES {
        if disagreements(&facts).is_empty() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        facts = ask(watchers, services).await;
    }
    facts
}

async fn ask(watchers: &mut Vec<Watcher>, services: &BTreeSet<String>) -> Vec<BalancerFacts> {
    let mut asking = JoinSet::new();
    for (i, mut watcher) in watchers.drain(..).enumerate() {
        let services = services.clone();
        asking.spawn(async move {
            let facts = watcher.look(&services).await;
            (i, watcher, facts)
        });
    }
    let mut asked = asking.join_all().await;
    asked.sort_by_key(|(i, ..)| *i);
    asked
        .into_iter()
        .map(|(_, watcher, facts)| {
            watchers.push(watcher);
            facts
        })
        .collect()
}
