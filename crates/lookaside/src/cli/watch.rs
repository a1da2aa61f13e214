mod retry;

use std::io::{self, Write};

use clap::Args;
use lookaside_proto::v1::Service;

use self::retry::Retry;
use super::{
    Failure,
    inspect::{Ask, print_json},
};
use crate::{
    inspect::{Inspector, Lost},
    output::{ServiceJson, write_service},
    signals::Signals,
};

/// Shows one service now and after every change.
///
/// Ends with a signal. A service that is not known yet is waited for. When the balancer
/// goes away, it is asked again until it is back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside watch orders
  lookaside watch orders --balancer lb-1:7400 --json     one object a line

Exit codes: 0 it ran; 1 something failed while it ran (such as: no balancer there at the start);
2 wrong usage or configuration.")]
pub(super) struct Watch {
    /// The service, with or without a port, as clients name it
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    ask: Ask,
}

impl Watch {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let mut signals = Signals::new()?;
        tokio::select! {
            outcome = self.follow() => outcome,
            _ = signals.next() => Ok(()),
        }
    }

    /// Until a balancer refuses, or nobody reads.
    async fn follow(&self) -> Result<(), Failure> {
        // Whoever has mistyped an address is told so.
        let mut inspector = self.ask.connect().await?;
        if inspector.service_if_known(&self.name).await?.is_none() {
            let (name, balancer) = (&self.name, &self.ask.balancer);
            eprintln!("balancer {balancer}: no service {name} is known yet; waiting for it");
        }
        let mut retry = Retry::default();
        let mut shown = 0;
        loop {
            let lost = match self.show(&mut inspector, &mut retry, &mut shown).await? {
                Lost::Refused(error) => return Err(Failure::Runtime(error)),
                Lost::Connection(error) => error,
            };
            inspector = self.reconnect(lost, &mut retry).await?;
        }
    }

    /// Shows what one balancer says until it goes away.
    async fn show(
        &self,
        inspector: &mut Inspector,
        retry: &mut Retry,
        shown: &mut u64,
    ) -> Result<Lost, Failure> {
        let mut watch = match inspector.watch(&self.name).await {
            Ok(watch) => watch,
            Err(lost) => return Ok(lost),
        };
        loop {
            let service = match inspector.next(&mut watch).await {
                Ok(service) => service,
                Err(lost) => return Ok(lost),
            };
            if retry.succeeded() {
                eprintln!("balancer {}: connected again", self.ask.balancer);
            }
            self.print(&service, *shown)?;
            *shown += 1;
        }
    }

    async fn reconnect(
        &self,
        mut lost: anyhow::Error,
        retry: &mut Retry,
    ) -> Result<Inspector, Failure> {
        loop {
            let pause = retry.next(&mut fastrand::Rng::new());
            eprintln!("{lost:#}; trying again in {:.1} s", pause.as_secs_f64());
            tokio::time::sleep(pause).await;
            match self.ask.connect().await {
                Ok(inspector) => return Ok(inspector),
                // Such as a certificate that cannot be read.
                Err(usage @ Failure::Usage(_)) => return Err(usage),
                Err(Failure::Runtime(error)) => lost = error,
            }
        }
    }

    fn print(&self, service: &Service, shown: u64) -> Result<(), Failure> {
        if self.ask.json {
            return print_json(&ServiceJson::from(service));
        }
        let mut out = io::stdout();
        if shown > 0 {
            writeln!(out)?;
        }
        write_service(&mut out, service)?;
        out.flush()?;
        Ok(())
    }
}
