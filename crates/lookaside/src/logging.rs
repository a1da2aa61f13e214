//! Logs go to standard error: standard output belongs to what a command prints.

use std::io;

use clap::{Args, ValueEnum};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::output::colours;

/// How logs are written.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Logging")]
pub(crate) struct LogArgs {
    /// What to log: a level (error, warn, info, debug, trace) or a filter such as
    /// `info,lookaside_server=debug`
    #[arg(
        long,
        global = true,
        value_name = "FILTER",
        env = "LOOKASIDE_LOG",
        value_parser = filter
    )]
    log_level: Option<String>,

    /// How to write it
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        env = "LOOKASIDE_LOG_FORMAT",
        default_value = "text"
    )]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// A line a person reads
    Text,
    /// A JSON object a line
    Json,
}

fn filter(text: &str) -> Result<String, String> {
    EnvFilter::builder()
        .parse(text)
        .map(|_| text.to_owned())
        .map_err(|error| format!("{error}; expected a level or a filter like info,h2=debug"))
}

impl LogArgs {
    /// Starts logging, at `default` where nothing else is said; what happens is told to `other`,
    /// too, which has a filter of its own.
    pub(crate) fn init(&self, default: &str, other: Option<impl Layer<Registry> + Send + Sync>) {
        let filter = EnvFilter::new(self.log_level.as_deref().unwrap_or(default));
        let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
        let lines = match self.log_format {
            LogFormat::Text => lines.with_ansi(colours(&io::stderr())).boxed(),
            LogFormat::Json => lines.json().flatten_event(true).boxed(),
        };
        tracing_subscriber::registry()
            .with(other)
            .with(lines.with_filter(filter))
            .init();
    }
}
