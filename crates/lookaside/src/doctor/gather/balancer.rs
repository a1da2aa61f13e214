use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

use lookaside_core::HostPort;
use lookaside_proto::{
    health::{
        HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
    },
    v1::{GetStatusResponse, Service},
};
use lookaside_tls::ClientTls;
use tokio::{task::JoinSet, time::Instant};

use super::{certificates, list};
use crate::{
    doctor::facts::{BalancerFacts, Certificate, Clock, Seen},
    inspect::{Inspector, within},
    output::code_name,
};

/// How many services are looked at where none is named: an answer for each is some
/// kilobytes.
const MOST_SERVICES: usize = 500;

/// How many questions are on the way at once; a balancer takes 28 on one connection.
const AT_ONCE: usize = 8;

/// A balancer that is asked, perhaps more than once.
#[derive(Debug)]
pub(super) struct Watcher {
    address: HostPort,
    connected: Result<Connected, String>,
}

#[derive(Debug)]
struct Connected {
    inspector: Inspector,
    certificate: Option<Result<Certificate, String>>,
}

impl Watcher {
    pub(super) async fn connect(address: HostPort, tls: Option<ClientTls>) -> Self {
        let connected = Inspector::connect(address.clone(), tls.clone()).await;
        let connected = match connected {
            Err(error) => Err(without_name(&address, &format!("{error:#}"))),
            Ok(inspector) => Ok(Connected {
                inspector,
                certificate: match tls {
                    None => None,
                    Some(tls) => Some(certificates::shown(&address, &tls).await),
                },
            }),
        };
        Self { address, connected }
    }

    pub(super) async fn look(&mut self, services: &BTreeSet<String>) -> BalancerFacts {
        let address = self.address.clone();
        let seen = match &mut self.connected {
            Err(error) => Err(error.clone()),
            Ok(connected) => {
                let seen = connected.look(services).await;
                seen.map(Box::new)
                    .map_err(|error| without_name(&address, &format!("{error:#}")))
            }
        };
        BalancerFacts { address, seen }
    }
}

/// The finding names the balancer already.
fn without_name(address: &HostPort, error: &str) -> String {
    let prefix = format!("balancer {address}: ");
    error.strip_prefix(&prefix).unwrap_or(error).to_owned()
}

impl Connected {
    async fn look(&mut self, wanted: &BTreeSet<String>) -> anyhow::Result<Seen> {
        let asked = (SystemTime::now(), Instant::now());
        let status = self.inspector.status().await?;
        let answered = asked.1.elapsed();
        let mut names: Vec<String> = self
            .inspector
            .services()
            .await?
            .into_iter()
            // Only clients name it.
            .filter(|it| it.plan != "unknown")
            .map(|it| it.name)
            .filter(|name| wanted.is_empty() || wanted.contains(name))
            .collect();
        names.sort_unstable();
        let unseen = match wanted.is_empty() {
            true => names.len().saturating_sub(MOST_SERVICES),
            false => 0,
        };
        names.truncate(names.len() - unseen);
        let (services, service_clock) = self.services(names).await?;
        let clock = service_clock.or_else(|| by_uptime(&status, asked.0, answered));
        Ok(Seen {
            health: self.health().await,
            list: list::ask(self.inspector.channel(), services.values().next()).await,
            clock,
            certificate: self.certificate.clone(),
            status,
            services,
            unseen,
        })
    }

    /// All of these, and the balancer's clock as one of them tells it.
    async fn services(
        &self,
        names: Vec<String>,
    ) -> anyhow::Result<(BTreeMap<String, Service>, Option<Clock>)> {
        let mut names = names.into_iter();
        let mut asking = JoinSet::new();
        let mut services = BTreeMap::new();
        let mut clock: Option<Clock> = None;
        loop {
            while asking.len() < AT_ONCE
                && let Some(name) = names.next()
            {
                let mut inspector = self.inspector.clone();
                asking.spawn(async move {
                    let asked = (SystemTime::now(), Instant::now());
                    let service = inspector.service_if_known(&name).await;
                    (name, service, asked.0, asked.1.elapsed())
                });
            }
            let Some(joined) = asking.join_next().await else {
                return Ok((services, clock));
            };
            let (name, service, asked, took) = joined?;
            // It may be gone since it was listed.
            if let Some(service) = service? {
                let told = by_age(&service, asked, took);
                clock = [clock, told]
                    .into_iter()
                    .flatten()
                    .min_by_key(|it| it.within);
                services.insert(name, service);
            }
        }
    }

    async fn health(&self) -> Result<bool, String> {
        let mut client = HealthClient::new(self.inspector.channel());
        let request = within(HealthCheckRequest::default());
        match client.check(request).await {
            Ok(answer) => Ok(answer.into_inner().status() == ServingStatus::Serving),
            Err(status) => Err(format!(
                "{}: {}",
                code_name(status.code()),
                status.message()
            )),
        }
    }
}

/// A balancer's clock from a service's time and age, which it takes from its clock as it
/// is at that moment.
fn by_age(service: &Service, asked: SystemTime, took: Duration) -> Option<Clock> {
    let changed = SystemTime::try_from(service.changed_at?).ok()?;
    clock(changed, service.age?, asked, took)
}

/// The same from when it started: off by what its clock was set since.
fn by_uptime(status: &GetStatusResponse, asked: SystemTime, took: Duration) -> Option<Clock> {
    let started = SystemTime::try_from(status.started_at?).ok()?;
    clock(started, status.uptime?, asked, took)
}

fn clock(
    time: SystemTime,
    since: prost_types::Duration,
    asked: SystemTime,
    took: Duration,
) -> Option<Clock> {
    let within = took / 2;
    Some(Clock {
        balancer: time.checked_add(since.try_into().ok()?)?,
        ours: asked + within,
        within,
    })
}
