use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use lookaside_proto::lb::{
    InitialLoadBalanceRequest, LoadBalanceRequest, LoadBalanceResponse,
    load_balance_request::LoadBalanceRequestType, load_balance_response::LoadBalanceResponseType,
    load_balancer_client::LoadBalancerClient,
};
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};
use tonic::{Status, Streaming};

use super::{EVENTS, interval, newcomers::Newcomers, outgoing::Outgoing, reports::Reports};
use crate::{
    Channel, ConnectivityState, Event, WorkScheduler,
    grpclb::{events::StreamEvent, list::List, reopen::Reopen, stats::Stats},
    observer::Observers,
};

/// What all streams of a policy have in common.
#[derive(Clone)]
pub(super) struct TaskSettings {
    pub(super) channel: Channel,
    pub(super) newcomers: Newcomers,
    pub(super) min_report_interval: Duration,
    pub(super) observers: Observers,
    pub(super) work: WorkScheduler,
}

impl TaskSettings {
    /// `service`: the name in the initial request.
    pub(super) fn spawn(
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
                let interval = interval::clamp(asked, self.settings.min_report_interval);
                progress.reports = interval.map(|interval| {
                    let (stats, taken) = (Arc::clone(&self.stats), Arc::clone(taken));
                    Reports::new(interval, stats, taken, self.settings.observers.clone())
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

async fn due(reports: Option<&Reports>) {
    match reports {
        Some(reports) => reports.due().await,
        None => std::future::pending().await,
    }
}

fn describe(status: &Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}
