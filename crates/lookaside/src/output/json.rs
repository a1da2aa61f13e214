//! The shapes of `--json`: names and units as in `lookaside.v1`, durations in seconds,
//! times as RFC 3339. Fields are added, never changed.

use lookaside_proto::v1::{self, registry::State};
use serde::Serialize;

use super::{
    format::{seconds, timestamp},
    overrides::OverrideJson,
};

/// `lookaside services --json`
#[derive(Debug, Serialize)]
pub(crate) struct ServicesJson<'a> {
    balancer: StatusJson<'a>,
    services: Vec<SummaryJson<'a>>,
}

/// `lookaside status --json`
#[derive(Debug, Serialize)]
pub(crate) struct StatusJson<'a> {
    version: &'a str,
    ready: bool,
    not_ready_reason: &'a str,
    started_at: Option<String>,
    uptime_seconds: Option<f64>,
    open_streams: u32,
    problems: u32,
    registry: Option<RegistryJson<'a>>,
    token_keys: &'a [String],
    services: u32,
    build: Option<BuildJson<'a>>,
    stray_problems: Vec<ProblemJson<'a>>,
}

#[derive(Debug, Serialize)]
struct BuildJson<'a> {
    commit: &'a str,
    target: &'a str,
    rustc: &'a str,
    profile: &'a str,
    features: &'a [String],
}

#[derive(Debug, Serialize)]
struct RegistryJson<'a> {
    url: &'a str,
    state: &'static str,
    revision: i64,
    age_seconds: Option<f64>,
    error: &'a str,
}

#[derive(Debug, Serialize)]
struct SummaryJson<'a> {
    name: &'a str,
    plan: &'a str,
    backends: u32,
    slots: u32,
    streams: u32,
    calls_started: u64,
    problems: u32,
    suspects: u32,
}

/// `lookaside service NAME --json`, and each line of `lookaside watch NAME --json`
#[derive(Debug, Serialize)]
pub(crate) struct ServiceJson<'a> {
    name: &'a str,
    plan: &'a str,
    reason: &'a str,
    plan_version: u64,
    changed_at: Option<String>,
    age_seconds: Option<f64>,
    revision: i64,
    slots: u32,
    streams: u32,
    largest_share_error: f64,
    panic: bool,
    backends: Vec<BackendJson<'a>>,
    drops: Vec<DropJson<'a>>,
    reported: ReportedJson<'a>,
    problems: Vec<ProblemJson<'a>>,
    settings: Vec<SettingJson<'a>>,
    overrides: Vec<OverrideJson<'a>>,
}

#[derive(Debug, Serialize)]
struct SettingJson<'a> {
    name: &'a str,
    value: &'a str,
    source: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct BackendJson<'a> {
    id: &'a str,
    address: &'a str,
    resolved: &'a [String],
    weight: u32,
    slots: u32,
    share_percent: f64,
    zone: &'a str,
    state: &'a str,
    reason: &'a str,
    token: &'a str,
    key: &'a str,
    revision: i64,
    suspect_since: Option<String>,
    state_since: Option<String>,
    ejections: Vec<EjectionJson<'a>>,
}

#[derive(Debug, Serialize)]
struct EjectionJson<'a> {
    address: &'a str,
    reason: &'a str,
    since: Option<String>,
}

#[derive(Debug, Serialize)]
struct DropJson<'a> {
    category: &'a str,
    percent: f64,
    actual_percent: f64,
    slots: u32,
}

#[derive(Debug, Default, Serialize)]
struct ReportedJson<'a> {
    reports: u64,
    calls_started: u64,
    calls_finished: u64,
    calls_failed_to_send: u64,
    calls_known_received: u64,
    dropped: Vec<DroppedJson<'a>>,
}

#[derive(Debug, Serialize)]
struct DroppedJson<'a> {
    category: &'a str,
    calls: u64,
}

#[derive(Debug, Serialize)]
struct ProblemJson<'a> {
    key: &'a str,
    reason: &'a str,
    revision: i64,
}

impl<'a> ServicesJson<'a> {
    pub(crate) fn new(
        status: &'a v1::GetStatusResponse,
        services: &'a [v1::ServiceSummary],
    ) -> Self {
        Self {
            balancer: StatusJson::from(status),
            services: services
                .iter()
                .map(|service| SummaryJson {
                    name: &service.name,
                    plan: &service.plan,
                    backends: service.backends,
                    slots: service.slots,
                    streams: service.streams,
                    calls_started: service.calls_started,
                    problems: service.problems,
                    suspects: service.suspects,
                })
                .collect(),
        }
    }
}

impl<'a> From<&'a v1::GetStatusResponse> for StatusJson<'a> {
    fn from(status: &'a v1::GetStatusResponse) -> Self {
        Self {
            version: &status.version,
            ready: status.ready,
            not_ready_reason: &status.not_ready_reason,
            started_at: timestamp(status.started_at),
            uptime_seconds: seconds(status.uptime),
            open_streams: status.open_streams,
            problems: status.problems,
            registry: status.registry.as_ref().map(RegistryJson::from),
            token_keys: &status.token_keys,
            services: status.services,
            build: status.build.as_ref().map(|build| BuildJson {
                commit: &build.commit,
                target: &build.target,
                rustc: &build.rustc,
                profile: &build.profile,
                features: &build.features,
            }),
            stray_problems: status
                .stray_problems
                .iter()
                .map(ProblemJson::from)
                .collect(),
        }
    }
}

impl<'a> From<&'a v1::Registry> for RegistryJson<'a> {
    fn from(registry: &'a v1::Registry) -> Self {
        Self {
            url: &registry.url,
            state: match registry.state() {
                State::Unspecified => "unspecified",
                State::Connecting => "connecting",
                State::Synced => "synced",
                State::Stale => "stale",
            },
            revision: registry.revision,
            age_seconds: seconds(registry.age),
            error: &registry.error,
        }
    }
}

impl<'a> From<&'a v1::Service> for ServiceJson<'a> {
    fn from(service: &'a v1::Service) -> Self {
        Self {
            name: &service.name,
            plan: &service.plan,
            reason: &service.reason,
            plan_version: service.plan_version,
            changed_at: timestamp(service.changed_at),
            age_seconds: seconds(service.age),
            revision: service.revision,
            slots: service.slots,
            streams: service.streams,
            largest_share_error: service.largest_share_error,
            panic: service.panic,
            backends: service.backends.iter().map(BackendJson::from).collect(),
            drops: service.drops.iter().map(DropJson::from).collect(),
            reported: service
                .reported
                .as_ref()
                .map(ReportedJson::from)
                .unwrap_or_default(),
            problems: service.problems.iter().map(ProblemJson::from).collect(),
            settings: service.settings.iter().map(SettingJson::from).collect(),
            overrides: service.overrides.iter().map(OverrideJson::from).collect(),
        }
    }
}

impl<'a> From<&'a v1::Backend> for BackendJson<'a> {
    fn from(backend: &'a v1::Backend) -> Self {
        Self {
            id: &backend.id,
            address: &backend.address,
            resolved: &backend.resolved,
            weight: backend.weight,
            slots: backend.slots,
            share_percent: backend.share_percent,
            zone: &backend.zone,
            state: &backend.state,
            reason: &backend.reason,
            token: &backend.token,
            key: &backend.key,
            revision: backend.revision,
            suspect_since: timestamp(backend.suspect_since),
            state_since: timestamp(backend.state_since),
            ejections: backend.ejections.iter().map(EjectionJson::from).collect(),
        }
    }
}

impl<'a> From<&'a v1::Ejection> for EjectionJson<'a> {
    fn from(ejection: &'a v1::Ejection) -> Self {
        Self {
            address: &ejection.address,
            reason: &ejection.reason,
            since: timestamp(ejection.since),
        }
    }
}

impl<'a> From<&'a v1::Setting> for SettingJson<'a> {
    fn from(setting: &'a v1::Setting) -> Self {
        Self {
            name: &setting.name,
            value: &setting.value,
            source: &setting.source,
        }
    }
}

impl<'a> From<&'a v1::Drop> for DropJson<'a> {
    fn from(drop: &'a v1::Drop) -> Self {
        Self {
            category: &drop.category,
            percent: drop.percent,
            actual_percent: drop.actual_percent,
            slots: drop.slots,
        }
    }
}

impl<'a> From<&'a v1::LoadReport> for ReportedJson<'a> {
    fn from(report: &'a v1::LoadReport) -> Self {
        let dropped = report.dropped.iter().map(|dropped| DroppedJson {
            category: &dropped.category,
            calls: dropped.calls,
        });
        Self {
            reports: report.reports,
            calls_started: report.calls_started,
            calls_finished: report.calls_finished,
            calls_failed_to_send: report.calls_failed_to_send,
            calls_known_received: report.calls_known_received,
            dropped: dropped.collect(),
        }
    }
}

impl<'a> From<&'a v1::Problem> for ProblemJson<'a> {
    fn from(problem: &'a v1::Problem) -> Self {
        Self {
            key: &problem.key,
            reason: &problem.reason,
            revision: problem.revision,
        }
    }
}
