use std::{ffi::OsString, fs, path::Path};

use lookaside_core::HostPort;
use serde::Deserialize;
use toml::{Table, Value};

use super::{Config, ConfigError, RegistryUrl, env::environment, shown::Sources};

/// What flags say: they have the last word.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    pub(crate) listen: Option<HostPort>,
    pub(crate) admin: Option<HostPort>,
    pub(crate) registry: Option<RegistryUrl>,
}

/// A configuration, and what to warn of once there is a log.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    /// Variables that look like keys and are none.
    pub(crate) unknown_variables: Vec<String>,
    /// Whether anything but the default said which registry.
    pub(crate) registry_is_set: bool,
    /// Who said what.
    pub(crate) sources: Sources,
}

/// Reads file and environment and puts the flags over them.
///
/// # Errors
/// Names the file, line and key, or the variable, that is wrong.
pub(crate) fn load(
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    overrides: Overrides,
) -> Result<Loaded, ConfigError> {
    let text = |path: &Path| {
        fs::read_to_string(path).map_err(|reason| ConfigError::Read {
            path: path.to_owned(),
            reason,
        })
    };
    let content = file.map(text).transpose()?;
    load_text(file.zip(content.as_deref()), variables, overrides)
}

/// As [`load`], of a file that has been read.
pub(crate) fn load_text(
    file: Option<(&Path, &str)>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    overrides: Overrides,
) -> Result<Loaded, ConfigError> {
    let table = file.map(|(path, text)| read(path, text)).transpose()?;
    let environment = environment(variables)?;
    let flags = [
        ("listen", overrides.listen.is_some()),
        ("admin", overrides.admin.is_some()),
        ("registry", overrides.registry.is_some()),
    ];
    let sources = Sources {
        flags: flags
            .into_iter()
            .filter_map(|(flag, is_set)| is_set.then_some(flag))
            .collect(),
        environment: environment.table.clone(),
        file: file.map(|(path, _)| path.to_owned()).zip(table.clone()),
    };
    let mut table = table.unwrap_or_default();
    merge(&mut table, environment.table);
    let registry_is_set = overrides.registry.is_some() || table.contains_key("registry");
    // Each part was read strictly by itself: only what spans keys can be wrong here.
    let mut config = Config::deserialize(table)
        .map_err(|error| ConfigError::Check(error.message().to_owned()))?;
    let Overrides {
        listen,
        admin,
        registry,
    } = overrides;
    config.listen = listen.unwrap_or(config.listen);
    config.admin = admin.unwrap_or(config.admin);
    config.registry = registry.unwrap_or(config.registry);
    config.check().map_err(ConfigError::Check)?;
    Ok(Loaded {
        config,
        unknown_variables: environment.unknown,
        registry_is_set,
        sources,
    })
}

/// The file as a table, after it has been read as a [`Config`], for errors that point
/// at the line.
fn read(path: &Path, text: &str) -> Result<Table, ConfigError> {
    let wrong = |reason| ConfigError::File {
        path: path.to_owned(),
        reason: Box::new(reason),
    };
    toml::from_str::<Config>(text).map_err(wrong)?;
    toml::from_str(text).map_err(wrong)
}

/// Puts `over` over `under`, key by key.
fn merge(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) => merge(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}
