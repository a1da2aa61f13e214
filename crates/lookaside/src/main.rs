//! The one binary of Lookaside: the balancer, and what goes with it.

mod backend;
mod build_info;
mod cli;
mod config;
mod control;
mod demo;
mod doctor;
mod inspect;
mod logging;
mod notify;
mod open_files;
mod output;
mod probe;
mod registry;
mod reload;
mod signals;
mod tokens;
mod top;
#[cfg(feature = "otlp")]
mod traces;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
