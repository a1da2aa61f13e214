use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use clap::{Args, ValueEnum};
use lookaside_client::{Channel, ChildPolicy, TlsConnector};
use lookaside_core::{HostPort, ServiceName};
use tokio::time::{Instant, sleep_until};

use super::{Failure, tls::BalancerTls, values};
use crate::{
    config::parse_duration,
    output::ProbeLines,
    probe::{Counter, Load, Second, Sink, Tally},
    signals::Signals,
};

const SECOND: Duration = Duration::from_secs(1);

/// Calls a service of demo backends at a steady rate, and says who answered.
///
/// It finds the backends through the service's balancers, and prints a line a second.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside probe echo --balancer 127.0.0.1:7400 --qps 100 --duration 30s
  lookaside probe echo --balancer lb-1:7400,lb-2:7400 --fallback 10.0.0.5:50051 --json

--json prints one object a second; counts are for that second:
  {\"t\":1.0,\"state\":\"READY\",\"mode\":\"balancer\",\"ok\":{\"<backend>|<lb-token>\":10},\"err\":{\"<CODE>: <message>\":1}}

Exit codes: 0 it ran, whatever became of the calls; 1 something failed while it ran; 2 wrong usage.")]
pub(super) struct Probe {
    /// The service, as the balancers know it
    #[arg(value_name = "SERVICE")]
    service: ServiceName,

    /// The balancers, in the order in which they are tried; may be repeated
    #[arg(
        long,
        required = true,
        value_name = "HOST:PORT",
        value_delimiter = ',',
        value_parser = values::dialable
    )]
    balancer: Vec<HostPort>,

    #[command(flatten)]
    tls: BalancerTls,

    /// Backends to use while no balancer gives a list; may be repeated
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',', value_parser = values::dialable)]
    fallback: Vec<HostPort>,

    /// How long to wait for the first list before falling back
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    fallback_timeout: Duration,

    /// How calls are spread over the list
    #[arg(long, value_name = "POLICY", default_value = "round_robin")]
    child_policy: Policy,

    /// Calls wait for a connection instead of failing while there is none
    #[arg(long)]
    wait_for_ready: bool,

    /// Calls a second, whether or not earlier ones have been answered
    #[arg(long, value_name = "N", default_value = "10", value_parser = values::rate)]
    qps: f64,

    /// How long to call; 0s: until a signal
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    duration: Duration,

    /// How long a call may take
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = values::some_time)]
    timeout: Duration,

    /// Print JSON, one object a second
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Policy {
    /// In turn over the backends
    RoundRobin,
    /// All to the first that can be reached
    PickFirst,
}

impl From<Policy> for ChildPolicy {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::RoundRobin => Self::RoundRobin,
            Policy::PickFirst => Self::PickFirst,
        }
    }
}

impl Probe {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let mut signals = Signals::new()?;
        let texts = |addresses: &[HostPort]| -> Vec<String> {
            addresses.iter().map(ToString::to_string).collect()
        };
        let builder = Channel::builder(self.service.as_str());
        let builder = match self.tls.load()? {
            None => builder,
            Some(tls) => builder.balancer_connector(TlsConnector::new(tls)),
        };
        let channel = builder
            .balancers(texts(&self.balancer))
            .fallback(texts(&self.fallback))
            .fallback_timeout(self.fallback_timeout)
            .child_policy(ChildPolicy::from(self.child_policy))
            .wait_for_ready(self.wait_for_ready)
            .build()
            .map_err(Failure::usage)?;
        let mut printer = Printer {
            channel: channel.clone(),
            json: self.json,
            lines: ProbeLines::default(),
        };

        let start = Instant::now();
        let calls = Arc::new(Counter::default());
        let sink = Arc::clone(&calls) as Arc<dyn Sink>;
        let load = Load::start(channel, self.qps, self.timeout, sink);
        // The tick at the very end is left to the last line, which also has the calls
        // that were still in flight.
        let end = (!self.duration.is_zero()).then(|| start + self.duration);
        for t in 1.. {
            let tick = start + SECOND * t;
            if end.is_some_and(|end| tick >= end) {
                break;
            }
            tokio::select! {
                () = sleep_until(tick) => printer.print(f64::from(t), &calls.take())?,
                _ = signals.next() => return printer.finish(start, load, &calls).await,
            }
        }
        if let Some(end) = end {
            tokio::select! {
                () = sleep_until(end) => {}
                _ = signals.next() => {}
            }
        }
        printer.finish(start, load, &calls).await
    }
}

struct Printer {
    channel: Channel,
    json: bool,
    lines: ProbeLines,
}

impl Printer {
    fn print(&mut self, t: f64, tally: &Tally) -> Result<(), Failure> {
        let second = Second {
            t,
            state: self.channel.state().as_str(),
            mode: self.channel.mode().as_str(),
            ok: &tally.ok,
            err: &tally.err,
        };
        let mut out = io::stdout();
        if self.json {
            serde_json::to_writer(&mut out, &second)?;
            writeln!(out)?;
        } else {
            self.lines.write(&mut out, &second, tally)?;
        }
        out.flush()?;
        Ok(())
    }

    /// The last, usually partial second, with the calls that were in flight.
    async fn finish(mut self, start: Instant, load: Load, calls: &Counter) -> Result<(), Failure> {
        load.stop().await;
        let rest = calls.take();
        let t = (start.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        self.print(t, &rest)?;
        if !self.json {
            self.lines.write_total(&mut io::stdout())?;
        }
        Ok(())
    }
}
