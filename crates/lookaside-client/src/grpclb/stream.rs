use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{
            AtomicBool,
            Ordering::{Acquire, Release},
        },
    },
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use http::uri::Authority;
use lookaside_core::{ReportDelta, ReportFilter};
use lookaside_proto::lb::{
    InitialLoadBalanceRequest, LoadBalanceRequest, LoadBalanceResponse,
    load_balance_request::LoadBalanceRequestType, load_balance_response::LoadBalanceResponseType,
    load_balancer_client::LoadBalancerClient,
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep_until},
};
use tonic::{Status, Streaming, codegen::tokio_stream::Stream};

use super::{
    GrpclbSettings, KEEP_ALIVE,
    events::StreamEvent,
    list::List,
    reopen::Reopen,
    stats::{self, Stats},
};
use crate::{
    Address, Channel, ChildPolicy, ConnectivityState, Event, Mode, ResolveError, ResolverUpdate,
    WorkScheduler,
    channel::{ChannelParts, RequestSettings, spawn},
    observer::Observers,
    policy::PolicyChoice,
    resolver::{SharedUpdates, SharedUpdatesBuilder},
    subchannel::ConnectionSettings,
};

mod interval;
mod newcomers;

#[cfg(feature = "fuzzing")]
pub(super) use self::interval::clamp as report_interval;
use self::newcomers::{Known, Newcomers};

/// A `BalanceLoad` stream to one of the balancers, opened again whenever it ends. Ends
/// with its owner.
pub(super) struct BalancerStream {
    settings: TaskSettings,
    updates: SharedUpdates,
    known: Known,
    events: mpsc::Receiver<StreamEvent>,
    task: JoinHandle<()>,
}

/// How many messages of a balancer may wait for the policy task; the stream is not read
/// beyond it.
const EVENTS: usize = 8;

impl BalancerStream {
    /// `service`: the name in the initial request.
    pub(super) fn open(
        settings: &GrpclbSettings,
        service: &str,
        stats: &Arc<Stats>,
        work: WorkScheduler,
    ) -> Self {
        let (channel, updates) = balancer_channel(settings, service);
        let known = Known::default();
        let settings = TaskSettings {
            channel,
            newcomers: known.newcomers(),
            min_report_interval: settings.min_report_interval,
            observers: settings.observers.clone(),
            work,
        };
        let (task, events) = settings.spawn(service, stats);
        Self {
            settings,
            updates,
            known,
            events,
            task,
        }
    }

    /// Ends the stream and opens one for another service, on the same connection. What the
    /// old one had still to tell is void.
    pub(super) fn restart(&mut self, service: &str, stats: &Arc<Stats>) {
        self.task.abort();
        (self.task, self.events) = self.settings.spawn(service, stats);
    }

    /// What happened on it, one thing after the other. Work is scheduled after each, so that
    /// no more need be taken at once than can be waiting: a balancer that is faster than its
    /// client holds up nothing else.
    pub(super) fn take_events(&mut self) -> Vec<StreamEvent> {
        let waiting = || self.events.try_recv().ok();
        std::iter::from_fn(waiting).take(EVENTS).collect()
    }

    /// Balancers that could not be reached are tried at once. How soon a stream that ended
    /// is opened again stays the balancer's matter.
    pub(super) fn reset_backoff(&self) {
        self.settings.channel.reset_connect_backoff();
    }

    /// The balancers, or why there are none.
    pub(super) fn set_balancers(&self, balancers: Result<Arc<[Address]>, ResolveError>) {
        if let Ok(balancers) = &balancers {
            self.known.set(balancers);
        }
        self.updates.set(match balancers {
            Ok(balancers) => ResolverUpdate::new(balancers),
            Err(error) => ResolverUpdate::error(error),
        });
    }
}

impl Drop for BalancerStream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What all streams of a policy have in common.
#[derive(Clone)]
struct TaskSettings {
    channel: Channel,
    newcomers: Newcomers,
    min_report_interval: Duration,
    observers: Observers,
    work: WorkScheduler,
}

impl TaskSettings {
    fn spawn(
        &self,
        service: &str,
        stats: &Arc<Stats>,
    ) -> (JoinHandle<()>, mpsc::Receiver<StreamEvent>) {
        let (events_in, events) = mpsc::channel(EVENTS);
        let task = Task {
            settings: self.clone(),
            service: service.to_owned(),
            stats: Arc::clone(stats),
            events: events_in,
        };
        (tokio::spawn(task.run()), events)
    }
}

/// A pick_first channel, so that replicas are tried in order and one is stuck to.
fn balancer_channel(settings: &GrpclbSettings, service: &str) -> (Channel, SharedUpdates) {
    let (resolver, updates, work) = SharedUpdatesBuilder::new();
    let mut pool = settings.pool.clone();
    // What it has to say comes over its stream.
    pool.health = None;
    pool.connection = ConnectionSettings {
        keep_alive: Some(KEEP_ALIVE),
    };
    let channel = spawn(ChannelParts {
        target: format!("balancer of {service}"),
        resolver: Box::new(resolver),
        lookaside: None,
        policy: PolicyChoice::new(Arc::new(ChildPolicy::PickFirst)),
        #[cfg(feature = "service-config")]
        config: crate::service_config::ConfigSource::none(),
        pool,
        request: RequestSettings {
            // Every balancer's address has its own.
            authority: Authority::from_static("balancer"),
            user_agent: settings.user_agent.clone(),
            wait_for_ready: true,
        },
        mode: Mode::Direct,
        work,
        // It goes with the policy.
        idle_timeout: Duration::MAX,
        // Told of nothing: what it does is the policy's own business.
        observers: Observers::default(),
    });
    (channel, updates)
}

struct Task {
    settings: TaskSettings,
    service: String,
    stats: Arc<Stats>,
    events: mpsc::Sender<StreamEvent>,
}

/// The policy is gone.
struct Gone;

/// One stream, from its first request on.
#[derive(Default)]
struct Progress {
    saw_initial_response: bool,
    reports: Option<Reports>,
}

/// However its stream ends, the last report is settled: also when the client gives it up.
struct Reports {
    stats: Arc<Stats>,
    observers: Observers,
    interval: Duration,
    taken: Arc<AtomicBool>,
    next: Instant,
    filter: ReportFilter,
    /// Handed to the stream, but perhaps not yet taken by the connection.
    last: ReportDelta,
}

impl Task {
    async fn run(mut self) {
        let mut reopen = Reopen::new();
        let mut rng = fastrand::Rng::new();
        loop {
            let began = Instant::now();
            let mut progress = Progress::default();
            let why = match Box::pin(self.stream(&mut progress)).await {
                Ok(why) => why,
                Err(Gone) => return,
            };
            let lasted = began.elapsed();
            self.settings
                .observers
                .tell(&Event::StreamEnded { why: &why, lasted });
            let ended = StreamEvent::Ended(why.clone());
            if self.tell(ended).await.is_err() {
                return;
            }
            let wait = reopen.after(progress.saw_initial_response, lasted, &mut rng);
            tracing::info!(
                service = self.service,
                reason = why,
                ?lasted,
                ?wait,
                "balancer stream ended"
            );
            self.settings.newcomers.or_sleep(wait).await;
        }
    }

    async fn tell(&self, event: StreamEvent) -> Result<(), Gone> {
        self.events.send(event).await.map_err(|_| Gone)?;
        self.settings.work.schedule_work();
        Ok(())
    }

    /// One stream until its end; says why it ended.
    async fn stream(&self, progress: &mut Progress) -> Result<String, Gone> {
        // One message at a time: a report that was not taken is taken back.
        let (requests, outgoing) = mpsc::channel(1);
        let taken = Arc::new(AtomicBool::new(true));
        let initial = InitialLoadBalanceRequest {
            name: self.service.clone(),
        };
        // Never fails: it is the first.
        let _ = requests.try_send(LoadBalanceRequest {
            load_balance_request_type: Some(LoadBalanceRequestType::InitialRequest(initial)),
        });
        let mut messages = match self.open(Outgoing(outgoing, Arc::clone(&taken))).await? {
            Ok(messages) => messages,
            Err(status) => return Ok(describe(&status)),
        };
        let why = loop {
            tokio::select! {
                message = messages.message() => match message {
                    Ok(Some(message)) => self.message(message, progress, &taken).await?,
                    Ok(None) => break "ended by the balancer".to_owned(),
                    Err(status) => break describe(&status),
                },
                () = due(progress.reports.as_ref()) => {
                    if let Some(reports) = &mut progress.reports {
                        reports.send(&requests);
                    }
                }
            }
        };
        // This balancer wanted no reports: the next one gets none of its calls.
        if progress.reports.take().is_none() && progress.saw_initial_response {
            drop(self.stats.take());
        }
        Ok(why)
    }

    /// Opens the stream as soon as a balancer is reachable; tells when none is.
    async fn open(
        &self,
        outgoing: Outgoing,
    ) -> Result<Result<Streaming<LoadBalanceResponse>, Status>, Gone> {
        let mut client = LoadBalancerClient::new(self.settings.channel.clone());
        let response = client.balance_load(outgoing);
        tokio::pin!(response);
        let mut state = ConnectivityState::Idle;
        loop {
            tokio::select! {
                response = &mut response => {
                    return Ok(response.map(tonic::Response::into_inner));
                }
                new = self.settings.channel.wait_for_state_change(state) => state = new,
            }
            if state == ConnectivityState::TransientFailure {
                let why = self.settings.channel.last_error().unwrap_or_default();
                self.tell(StreamEvent::Unreachable(why)).await?;
            }
        }
    }

    async fn message(
        &self,
        message: LoadBalanceResponse,
        progress: &mut Progress,
        taken: &Arc<AtomicBool>,
    ) -> Result<(), Gone> {
        match message.load_balance_response_type {
            Some(LoadBalanceResponseType::InitialResponse(initial)) => {
                if progress.saw_initial_response {
                    tracing::warn!(service = self.service, "second initial response, ignored");
                    return Ok(());
                }
                progress.saw_initial_response = true;
                let asked = initial.client_stats_report_interval.as_ref();
                progress.reports =
                    interval::clamp(asked, self.settings.min_report_interval).map(|interval| {
                        Reports {
                            stats: Arc::clone(&self.stats),
                            observers: self.settings.observers.clone(),
                            interval,
                            taken: Arc::clone(taken),
                            next: Instant::now() + interval,
                            filter: ReportFilter::default(),
                            last: ReportDelta::default(),
                        }
                    });
                tracing::debug!(service = self.service, "balancer stream open");
                self.settings.observers.tell(&Event::StreamOpened);
                Ok(())
            }
            // Also before the initial response, as C-core has it.
            Some(LoadBalanceResponseType::ServerList(list)) => {
                if progress.saw_initial_response && progress.reports.is_none() {
                    // Nobody asks for what was counted; drops are counted by tokens that the
                    // balancer makes up.
                    drop(self.stats.take());
                }
                self.tell(StreamEvent::List(List::new(&list))).await
            }
            Some(LoadBalanceResponseType::FallbackResponse(_)) => {
                self.tell(StreamEvent::FallbackResponse).await
            }
            None => {
                tracing::warn!(
                    service = self.service,
                    "empty message from the balancer, ignored"
                );
                Ok(())
            }
        }
    }
}

impl Reports {
    /// Whether the last one was taken; if so, tells of it, once.
    fn is_taken(&mut self) -> bool {
        let taken = self.taken.load(Acquire);
        if taken && !self.last.is_zero() {
            let last = std::mem::take(&mut self.last);
            self.observers.tell(&Event::Report(stats::summary(&last)));
        }
        taken
    }

    fn send(&mut self, requests: &mpsc::Sender<LoadBalanceRequest>) {
        // If not, it is still waiting: the balancer does not read. Nothing is lost.
        if self.is_taken() {
            let delta = self.stats.take();
            if self.filter.should_send(&delta) {
                let request = stats::request(&delta, SystemTime::now());
                self.last = delta;
                self.taken.store(false, Release);
                if requests.try_send(request).is_err() {
                    self.stats.put_back(std::mem::take(&mut self.last));
                }
            }
        }
        self.next = Instant::now() + self.interval;
    }
}

impl Drop for Reports {
    fn drop(&mut self) {
        if !self.is_taken() {
            self.stats.put_back(std::mem::take(&mut self.last));
        }
    }
}

async fn due(reports: Option<&Reports>) {
    match reports {
        Some(reports) => sleep_until(reports.next).await,
        None => std::future::pending().await,
    }
}

fn describe(status: &Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}

/// The requests of a stream, and whether the last one has been taken.
struct Outgoing(mpsc::Receiver<LoadBalanceRequest>, Arc<AtomicBool>);

impl Stream for Outgoing {
    type Item = LoadBalanceRequest;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.0.poll_recv(cx);
        if matches!(polled, Poll::Ready(Some(_))) {
            self.1.store(true, Release);
        }
        polled
    }
}
