//! The command line.

mod backend;
mod completions;
mod control;
mod demo;
mod doctor;
mod explain;
mod health;
mod inspect;
mod probe;
mod register;
mod registration;
mod serve;
mod settings;
mod status;
mod streams;
mod tls;
mod token;
mod tokens;
mod top;
mod values;
mod watch;

use std::{ffi::OsString, io, process::ExitCode};

use clap::{Parser, Subcommand, ValueEnum};

#[cfg(feature = "otlp")]
use crate::traces::Traces;
use crate::{logging::LogArgs, output::Colour};

/// A build without feature `otlp` has none.
#[cfg(not(feature = "otlp"))]
enum Traces {}

#[cfg(not(feature = "otlp"))]
impl Traces {
    fn layer(&self) -> tracing_subscriber::layer::Identity {
        match *self {}
    }
}

const EXIT_CODES: &str = "\
Exit codes: 0 it ran; 1 something failed while it ran; 2 wrong usage or configuration.";

/// A lookaside load balancer for gRPC: watches a registry and streams weighted server
/// lists to clients over grpc.lb.v1.
#[derive(Debug, Parser)]
#[command(name = "lookaside", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Colour,
    #[command(flatten)]
    log: LogArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Register(register::Register),
    Backend(backend::Backend),
    Probe(probe::Probe),
    Demo(demo::Demo),
    Health(health::Health),
    Services(inspect::Services),
    Service(inspect::Service),
    Watch(watch::Watch),
    Streams(streams::Streams),
    Explain(explain::Explain),
    Status(status::Status),
    Settings(settings::Settings),
    Token(token::Token),
    Top(top::Top),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
    Drain(control::Drain),
    Undrain(control::Undrain),
    Cordon(control::Cordon),
    Uncordon(control::Uncordon),
    Weight(control::Weight),
    Drops(control::Drops),
    Fallback(control::Fallback),
    Overrides(control::Overrides),
    EndStreams(control::EndStreams),
    Reload(control::Reload),
}

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was asked for the wrong way: exit code 2.
    Usage(anyhow::Error),
    /// It could not do what it was asked for: exit code 1.
    Runtime(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Runtime(error.into())
    }
}

impl Failure {
    /// What is wrong, in a line.
    pub(crate) fn explained(&self) -> String {
        let (Self::Usage(error) | Self::Runtime(error)) = self;
        explain(error)
    }

    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self::Usage(error.into())
    }
}

/// Runs what the command line asks for.
pub(crate) fn main() -> ExitCode {
    // Help and errors are printed before the line has been read to its end.
    early_colour(std::env::args_os().skip(1)).decide();
    let cli = Cli::parse();
    cli.color.decide();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return report(Failure::Runtime(error.into())),
    };
    let traces = match runtime.block_on(async { cli.command.traces() }) {
        Ok(traces) => traces,
        Err(failure) => return report(failure),
    };
    cli.log
        .init(cli.command.log_level(), traces.as_ref().map(Traces::layer));
    let outcome = {
        // What is left of them is sent while there is a runtime.
        let _traces = traces;
        runtime.block_on(cli.command.run())
    };
    // What still runs was told to end and had its time.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(failure),
    }
}

/// What `--color` says, wherever it stands.
fn early_colour(args: impl Iterator<Item = OsString>) -> Colour {
    let args: Vec<_> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    let pairs = args.iter().zip(args.iter().skip(1));
    let apart = pairs
        .filter(|(flag, _)| *flag == "--color")
        .map(|(_, value)| &**value);
    let joined = args.iter().filter_map(|arg| arg.strip_prefix("--color="));
    let value = apart
        .chain(joined)
        .last()
        .map(|value| Colour::from_str(value, false));
    value.and_then(Result::ok).unwrap_or_default()
}

fn report(failure: Failure) -> ExitCode {
    let (error, code) = match failure {
        // Whoever read the output has seen enough, as in `lookaside services | head -1`.
        Failure::Runtime(error) if is_broken_pipe(&error) => return ExitCode::SUCCESS,
        Failure::Usage(error) => (error, 2),
        Failure::Runtime(error) => (error, 1),
    };
    eprintln!("error: {}", explain(&error));
    ExitCode::from(code)
}

/// An error and its causes in a line. Many errors already say their cause: what has been
/// said is left out.
fn explain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let said = cause.to_string();
        let said = said.trim_end();
        if text.is_empty() {
            text.push_str(said);
        } else if !text.contains(said) {
            text.push_str(&format!(": {said}"));
        }
    }
    text
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kinds = error.chain().filter_map(|cause| {
        let json = cause
            .downcast_ref()
            .and_then(serde_json::Error::io_error_kind);
        json.or_else(|| cause.downcast_ref().map(io::Error::kind))
    });
    kinds
        .into_iter()
        .any(|kind| kind == io::ErrorKind::BrokenPipe)
}

impl Command {
    /// What is logged where nothing else is said: a server tells of itself, a tool only
    /// of trouble.
    fn log_level(&self) -> &'static str {
        match self {
            Self::Serve(_) | Self::Register(_) | Self::Backend(_) => "info",
            Self::Demo(_) => "error",
            _ => "warn",
        }
    }

    /// Where the ways of changes are sent, if anywhere.
    #[cfg(feature = "otlp")]
    fn traces(&self) -> Result<Option<Traces>, Failure> {
        let Self::Serve(serve) = self else {
            return Ok(None);
        };
        let endpoint = serve.otlp_endpoint();
        endpoint.map(Traces::to).transpose().map_err(Failure::usage)
    }

    #[cfg(not(feature = "otlp"))]
    fn traces(&self) -> Result<Option<Traces>, Failure> {
        Ok(None)
    }

    async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Serve(serve) => Box::pin(serve.run()).await,
            Self::Register(register) => Box::pin(register.run()).await,
            Self::Backend(backend) => Box::pin(backend.run()).await,
            Self::Probe(probe) => Box::pin(probe.run()).await,
            Self::Demo(demo) => Box::pin(demo.run()).await,
            Self::Health(health) => Box::pin(health.run()).await,
            Self::Services(services) => Box::pin(services.run()).await,
            Self::Service(service) => Box::pin(service.run()).await,
            Self::Watch(watch) => Box::pin(watch.run()).await,
            Self::Streams(streams) => Box::pin(streams.run()).await,
            Self::Explain(explain) => Box::pin(explain.run()).await,
            Self::Status(status) => Box::pin(status.run()).await,
            Self::Settings(settings) => Box::pin(settings.run()).await,
            Self::Token(token) => Box::pin(token.run()).await,
            Self::Completions(completions) => completions.run(),
            Self::Top(top) => Box::pin(top.run()).await,
            Self::Doctor(doctor) => Box::pin(doctor.run()).await,
            Self::Drain(drain) => Box::pin(drain.run()).await,
            Self::Undrain(undrain) => Box::pin(undrain.run()).await,
            Self::Cordon(cordon) => Box::pin(cordon.run()).await,
            Self::Uncordon(uncordon) => Box::pin(uncordon.run()).await,
            Self::Weight(weight) => Box::pin(weight.run()).await,
            Self::Drops(drops) => Box::pin(drops.run()).await,
            Self::Fallback(fallback) => Box::pin(fallback.run()).await,
            Self::Overrides(overrides) => Box::pin(overrides.run()).await,
            Self::EndStreams(end_streams) => Box::pin(end_streams.run()).await,
            Self::Reload(reload) => Box::pin(reload.run()).await,
        }
    }
}

#[cfg(test)]
mod tests;
