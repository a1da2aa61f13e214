//! What grpcurl does, as far as our documents use it, without grpcurl: a client that knows
//! nothing of our protocols but what a server's reflection tells it.

mod call;
mod codec;
mod command;
mod describe;
mod program;
mod reflection;
mod words;

use anyhow::Result;

pub use self::{
    call::Ended,
    command::{Command, What},
    program::program,
    reflection::{Reflected, Version},
    words::words,
};
use crate::inspect;

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Ran {
    /// As grpcurl prints it: names or descriptions, or a JSON object for each message.
    pub output: String,
    /// The messages, for calls.
    pub messages: Vec<serde_json::Value>,
    /// How a call ended.
    pub ended: Ended,
}

/// Runs a command over `version` of reflection.
///
/// # Errors
/// When the server cannot be asked, or has not what is asked for.
pub async fn run(command: &Command, version: Version) -> Result<Ran> {
    let channel = inspect::connect(command.address).await?;
    let mut ran = Ran {
        output: String::new(),
        messages: Vec::new(),
        ended: Ended::ok(),
    };
    let reflected = Reflected::ask(channel.clone(), version).await?;
    match &command.what {
        What::List(None) => ran.output = lines(reflected.services()),
        What::List(Some(service)) => ran.output = lines(&reflected.methods(service)?),
        What::Describe(None) => {
            for service in reflected.services() {
                ran.output += &reflected.describe(service)?;
            }
        }
        What::Describe(Some(symbol)) => ran.output = reflected.describe(symbol)?,
        What::Call { method, data } => {
            let (messages, ended) =
                call::call(channel, &reflected, method, data, command.max_time).await?;
            for message in &messages {
                ran.output += &serde_json::to_string_pretty(message)?;
                ran.output.push('\n');
            }
            (ran.messages, ran.ended) = (messages, ended);
        }
    }
    Ok(ran)
}

fn lines(names: &[String]) -> String {
    names.iter().map(|name| format!("{name}\n")).collect()
}

#[cfg(test)]
mod tests;
