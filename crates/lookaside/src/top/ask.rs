use std::time::Duration;

use lookaside_core::HostPort;
use lookaside_tls::ClientTls;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::view::Sample;
use crate::inspect::Inspector;

/// How long it rests before it connects again: a balancer that is restarted is back in a
/// second or two, and a person waits.
const AGAIN: Duration = Duration::from_secs(1);

/// What a balancer said, or why it said nothing.
pub(super) type Answer = Result<Sample, String>;

/// Asks again and again until nobody wants the answers; connects anew when the connection
/// is lost.
pub(super) async fn ask(
    balancer: HostPort,
    tls: Option<ClientTls>,
    every: Duration,
    start: Instant,
    wanted: watch::Receiver<Vec<String>>,
    answers: mpsc::Sender<Answer>,
) {
    let mut inspector: Option<Inspector> = None;
    loop {
        let asked = Instant::now();
        let answer = sample(&mut inspector, &balancer, tls.as_ref(), start, &wanted).await;
        let pause = if answer.is_ok() { every } else { AGAIN };
        if answer.is_err() {
            inspector = None;
        }
        let answer = answer.map_err(|error| format!("{error:#}"));
        if answers.send(answer).await.is_err() {
            return;
        }
        let mut wanted = wanted.clone();
        wanted.mark_unchanged();
        tokio::select! {
            () = tokio::time::sleep_until(asked + pause) => {}
            // A service was opened: what is in it is wanted now.
            changed = wanted.changed() => if changed.is_err() { return },
        }
    }
}

async fn sample(
    inspector: &mut Option<Inspector>,
    balancer: &HostPort,
    tls: Option<&ClientTls>,
    start: Instant,
    wanted: &watch::Receiver<Vec<String>>,
) -> anyhow::Result<Sample> {
    let inspector = match inspector {
        Some(inspector) => inspector,
        None => inspector.insert(Inspector::connect(balancer.clone(), tls.cloned()).await?),
    };
    let status = inspector.status().await?;
    let services = inspector.services().await?;
    let names = wanted.borrow().clone();
    let mut details = Vec::with_capacity(names.len());
    for name in names {
        details.extend(inspector.service_if_known(&name).await?);
    }
    Ok(Sample {
        at: start.elapsed(),
        status,
        services,
        details,
    })
}
