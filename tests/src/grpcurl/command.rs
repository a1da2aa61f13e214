use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result, bail, ensure};

use super::words::words;

/// What a call may take that ends by itself.
const MAX_TIME: Duration = Duration::from_secs(10);

/// A grpcurl command.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// Whom it asks.
    pub address: SocketAddr,
    /// For what.
    pub what: What,
    /// How long a call may take; one that goes on is broken off.
    pub max_time: Duration,
}

/// What a command does.
#[derive(Debug, PartialEq, Eq)]
pub enum What {
    /// Lists services, or a service's methods.
    List(Option<String>),
    /// Describes a symbol, or all services.
    Describe(Option<String>),
    /// Calls a method, `package.Service/Method` or with a dot.
    Call {
        /// Which.
        method: String,
        /// The request messages, JSON objects one after the other.
        data: String,
    },
}

impl Command {
    /// Asks `address` for `what`.
    pub fn new(address: SocketAddr, what: What) -> Self {
        Self {
            address,
            what,
            max_time: MAX_TIME,
        }
    }

    /// Reads a line that begins with `grpcurl`.
    ///
    /// # Errors
    /// What it has that this client cannot do.
    pub fn parse(line: &str) -> Result<Self> {
        let words = words(line)?;
        let (program, mut rest) = words.split_first().context("an empty line")?;
        ensure!(program == "grpcurl", "{program} is not grpcurl");
        let (mut plaintext, mut data) = (false, String::new());
        while let Some((flag, after)) = rest.split_first().filter(|(it, _)| it.starts_with('-')) {
            let flag = flag.trim_start_matches('-');
            let (name, given) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (flag, None),
            };
            rest = after;
            match name {
                "plaintext" => plaintext = true,
                "d" => {
                    let next = || rest.split_first().map(|(it, _)| it.as_str());
                    data = given.or_else(next).context("-d: no data")?.to_owned();
                    rest = &rest[usize::from(given.is_none())..];
                }
                other => bail!("{line}: this client has no flag -{other}"),
            }
        }
        ensure!(plaintext, "{line}: this client has no TLS");
        let (address, rest) = rest.split_first().context("no address")?;
        let address = address.parse().with_context(|| address.clone())?;
        let (verb, rest) = rest.split_first().context("nothing to do")?;
        ensure!(rest.len() <= 1, "{line}: {rest:?} is left over");
        let symbol = rest.first().cloned();
        let what = match verb.as_str() {
            "list" => What::List(symbol),
            "describe" => What::Describe(symbol),
            method => {
                ensure!(symbol.is_none(), "{line}: {rest:?} is left over");
                What::Call {
                    method: method.to_owned(),
                    data,
                }
            }
        };
        Ok(Self::new(address, what))
    }
}
