//! What a balancer is told: flags over environment over one TOML file over defaults.

mod access;
mod convert;
mod env;
mod error;
mod health;
mod load;
mod schema;
mod shown;
mod tls;
mod values;

#[cfg(test)]
pub(crate) use self::env::is_a_flags;
pub(crate) use self::{
    error::ConfigError,
    load::{Overrides, load},
    schema::{Config, State, Tokens},
    values::{RegistryUrl, parse_duration},
};

#[cfg(any(test, fuzzing))]
pub(crate) use self::load::load_text;

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod documented;
#[cfg(test)]
mod tests;
