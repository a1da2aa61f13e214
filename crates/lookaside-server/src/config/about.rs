/// What a balancer says of its program and of what it was told, to whoever inspects it.
/// The library passes it on as it is.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// How the program was built.
    pub build: Build,
    /// Every key of the configuration, in the order in which they are documented.
    pub configuration: Vec<ConfigurationKey>,
}

/// How a program was built; empty where that is not known.
#[derive(Clone, Debug, Default)]
pub struct Build {
    /// Of its sources, as git names it.
    pub commit: String,
    /// As rustc names it, such as `x86_64-unknown-linux-gnu`.
    pub target: String,
    /// The compiler.
    pub rustc: String,
    /// `release` or `debug`.
    pub profile: String,
    /// Features of the program that are on.
    pub features: Vec<String>,
}

/// A key of the configuration, for people: there must be no secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationKey {
    /// As in the file: `lists.max_slots`.
    pub name: String,
    /// What is in force; of a secret, only whether it is set.
    pub value: String,
    /// `flag`, `environment`, `file` or `default`.
    pub source: &'static str,
    /// The flag, the variable, or the path of the file; empty for a default.
    pub origin: String,
}
