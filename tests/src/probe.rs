//! A `lookaside probe --json` process: a real client under load.

use std::{collections::BTreeMap, net::SocketAddr, process::Command, time::Duration};

use rustix::process::Signal;
use serde::Deserialize;

use crate::{Process, binary, eventually};

/// One line of `probe --json`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Second {
    /// Seconds since the start.
    pub t: f64,
    /// The channel's connectivity state.
    pub state: String,
    /// `balancer`, `fallback` or `connecting`.
    pub mode: String,
    /// Calls that succeeded, by `<backend>|<token>`.
    pub ok: BTreeMap<String, u64>,
    /// Calls that failed, by `<CODE>: <message>`.
    pub err: BTreeMap<String, u64>,
}

/// What a probe saw over a time.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Calls that succeeded, by backend.
    pub ok: BTreeMap<String, u64>,
    /// Calls that failed, by `<CODE>: <message>`.
    pub err: BTreeMap<String, u64>,
}

impl Tally {
    /// All calls that succeeded.
    pub fn succeeded(&self) -> u64 {
        self.ok.values().sum()
    }

    /// All calls that failed.
    pub fn failed(&self) -> u64 {
        self.err.values().sum()
    }

    /// A backend's share of the calls that succeeded, 0 to 1.
    pub fn share(&self, backend: &str) -> f64 {
        self.ok.get(backend).copied().unwrap_or(0) as f64 / self.succeeded().max(1) as f64
    }
}

impl<'a> FromIterator<&'a Second> for Tally {
    fn from_iter<I: IntoIterator<Item = &'a Second>>(seconds: I) -> Self {
        let mut tally = Self::default();
        for second in seconds {
            for (who, n) in &second.ok {
                let backend = who.split('|').next().unwrap_or(who).to_owned();
                *tally.ok.entry(backend).or_default() += n;
            }
            for (what, n) in &second.err {
                *tally.err.entry(what.clone()).or_default() += n;
            }
        }
        tally
    }
}

/// A client that calls a service all the time.
#[derive(Debug)]
pub struct Probe {
    process: Process,
}

impl Probe {
    /// Calls `service`, as `balancers` list it, until it is stopped.
    pub fn start(service: &str, balancers: &[SocketAddr], args: &[&str]) -> Self {
        let mut command = Command::new(binary::lookaside());
        command.args(["probe", service, "--json", "--duration", "0s"]);
        for balancer in balancers {
            command.args(["--balancer", &balancer.to_string()]);
        }
        command.args(args);
        Self {
            process: Process::spawn("probe", &mut command),
        }
    }

    /// All seconds so far.
    pub fn seconds(&self) -> Vec<Second> {
        let parse = |line: &String| {
            serde_json::from_str(line).unwrap_or_else(|e| panic!("probe printed {line:?}: {e}"))
        };
        self.process.stdout().iter().map(parse).collect()
    }

    /// Waits for a second that `wanted` likes, not counting the first `skip`; gives how
    /// many there were up to it.
    pub async fn until(
        &self,
        what: &str,
        skip: usize,
        mut wanted: impl FnMut(&Second) -> bool,
    ) -> usize {
        let what = format!("the probe sees {what}");
        eventually(&what, Duration::from_secs(40), || {
            let seconds = self.seconds();
            let found = seconds
                .iter()
                .skip(skip)
                .position(&mut wanted)
                .map(|at| skip + at + 1);
            async move { found.ok_or_else(|| seconds.last().cloned()) }
        })
        .await
    }

    /// Waits for `n` more seconds and tallies just those.
    pub async fn tally(&self, n: usize) -> Tally {
        // The second under way began before whatever was just done.
        let from = self.seconds().len() + 1;
        eventually(
            "the probe goes on",
            Duration::from_secs(n as u64 + 20),
            || {
                let seconds = self.seconds();
                async move {
                    if seconds.len() >= from + n {
                        Ok(())
                    } else {
                        Err(seconds.len())
                    }
                }
            },
        )
        .await;
        self.seconds()[from..from + n].iter().collect()
    }

    /// Everything up to now.
    pub fn total(&self) -> Tally {
        self.seconds().iter().collect()
    }

    /// Stops it and gives everything it saw.
    pub async fn stop(mut self) -> Tally {
        self.process.signal(Signal::TERM);
        let status = self.process.ended().await;
        assert!(status.success(), "the probe ended with {status}");
        self.total()
    }
}
