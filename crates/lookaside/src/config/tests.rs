use std::{ffi::OsString, io::Write, path::Path, time::Duration};

use super::*;

/// Everything that can be written, at its default where it has one.
const ALL: &str = r#"
listen = "127.0.0.1:7400"
admin = "127.0.0.1:7401"
registry = "memory:"
[etcd]
prefix = "services/"
config_prefix = "lookaside/config/"
override_prefix = "lookaside/overrides/"
layout = "endpoints"
[lists]
max_slots = 1024
hold_down = "30s"
mass_removal = 0.5
mass_min = 3
mass_window = "2s"
panic = 0.5
on_empty = "fallback"
unknown = "refuse"
quiet = "100ms"
max_delay = "1s"
report_interval = "10s"
[limits]
streams = 50000
streams_per_connection = 100
streams_per_peer = 0
new_streams_per_second = 5000
streams_per_second_per_name = 3
connections_per_peer = 0
[connections]
backlog = 4096
reuse_port = false
hello = "10s"
idle = "30m"
keepalive = "30s"
keepalive_timeout = "20s"
frames_per_second = 10000
max_headers = 16384
write_timeout = "30s"
write_rate = 65536
[registration]
enabled = "auto"
total = 100000
services = 10000
per_service = 10000
per_peer = 1000
per_second = 5000
per_second_per_peer = 200
[tokens]
[health]
[tls]
client_certificates = "require"
[access]
trust_loopback = true
[state]
grace = "2s"
"#;

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn variables(of: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    of.iter().map(|(k, v)| (k.into(), v.into())).collect()
}

fn error(text: &str) -> String {
    let file = file(text);
    let error = load(Some(file.path()), [], Overrides::default()).unwrap_err();
    let shown = error.to_string();
    assert!(shown.contains(file.path().to_str().unwrap()), "{shown}");
    shown
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let written: Config = toml::from_str(ALL).unwrap();
    assert_eq!(written, Config::default());
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let file = file(
        "listen = \"127.0.0.1:1\"\nadmin = \"127.0.0.1:1\"\nregistry = \"file:/1\"\n\
         [lists]\nmax_slots = 1\nquiet = \"1ms\"\n",
    );
    let environment = variables(&[
        ("LOOKASIDE_LISTEN", "127.0.0.1:2"),
        ("LOOKASIDE_ADMIN", "127.0.0.1:2"),
        ("LOOKASIDE_LISTS_MAX_SLOTS", "2"),
    ]);
    let flags = Overrides {
        listen: Some("127.0.0.1:3".parse().unwrap()),
        ..Overrides::default()
    };
    let loaded = load(Some(file.path()), environment, flags).unwrap();
    let config = loaded.config;
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.admin.port(), 2);
    assert_eq!(config.registry.to_string(), "file:/1");
    assert_eq!(config.lists.max_slots, 2);
    assert_eq!(config.lists.quiet, Duration::from_millis(1));
    assert_eq!(config.lists.max_delay, Duration::from_secs(1));
    assert!(loaded.registry_is_set);
}

#[test]
fn an_error_in_the_file_names_key_and_line_and_what_was_expected() {
    for (text, parts) in [
        (
            "\n[lists]\nmax_slot = 3\n",
            ["line 3", "max_slot", "max_slots"],
        ),
        ("colour = 1\n", ["line 1", "colour", "listen"]),
        ("[lists]\nmax_slots = \"x\"", ["line 2", "max_slots", "u32"]),
        ("[lists]\nquiet = \"soon\"", ["line 2", "quiet", "10s"]),
        ("[lists]\nunknown = \"?\"", ["line 2", "unknown", "refuse"]),
        ("[lists]\nmax_slots = 0", ["line 2", "max_slots", "1 to"]),
        ("[limits]\nstreams = -1", ["line 2", "streams", "u32"]),
        (
            "[lists]\nmass_min = 0",
            ["line 2", "mass_min", "at least 1"],
        ),
        (
            "[lists]\nhold_down = \"11y\"",
            ["line 2", "hold_down", "longer than"],
        ),
        ("listen = \"x\"", ["line 1", "listen", "HOST:PORT"]),
        ("registry = \"x:\"", ["line 1", "registry", "memory:"]),
        ("[registration]\nenabled = 3", ["line 2", "enabled", "auto"]),
        ("[limits\n", ["line 1", "[limits", "expected"]),
    ] {
        let error = error(text);
        for part in parts {
            assert!(error.contains(part), "{part:?} in {error}");
        }
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    for (environment, part) in [
        (("LOOKASIDE_LISTS_QUIET", "2s"), "max_delay"),
        (
            ("LOOKASIDE_CONNECTIONS_WRITE_TIMEOUT", "0s"),
            "write_timeout",
        ),
        (
            ("LOOKASIDE_CONNECTIONS_REUSE_PORT", "yes"),
            "neither true nor",
        ),
        (("LOOKASIDE_ETCD_PREFIX", "services"), "slash"),
        (("LOOKASIDE_ETCD_PREFIX", "lookaside/"), "lies within"),
        (("LOOKASIDE_ETCD_USER", "x"), "etcd.password"),
        (("LOOKASIDE_ETCD_CERT", "x"), "etcd.key"),
        (("LOOKASIDE_HEALTH_KEY", "x"), "health.cert"),
        (("LOOKASIDE_ADMIN", "127.0.0.1:7400"), "a port each"),
    ] {
        let environment = variables(&[environment]);
        let error = load(None, environment, Overrides::default()).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}

fn converted(text: &str) -> lookaside_server::Config {
    let any = ([127, 0, 0, 1], 0).into();
    toml::from_str::<Config>(text).unwrap().balancer(any, any)
}

#[test]
fn the_settings_reach_the_balancer() {
    let config = converted(
        "[lists]\nmax_slots = 7\npanic = 0.25\non_empty = \"hold\"\nunknown = \"fallback\"\n\
         report_interval = \"0s\"\nhold_down = \"9s\"\nmass_removal = 0.25\n\
         mass_min = 4\nmass_window = \"3s\"\n[limits]\nstreams = 9\nstreams_per_peer = 8\n",
    );
    assert_eq!(config.lists.max_slots, 7);
    assert_eq!(config.lists.panic, 0.25);
    assert_eq!(config.lists.on_empty, lookaside_server::OnEmpty::Hold);
    assert_eq!(config.lists.unknown, lookaside_server::Unknown::Fallback);
    assert_eq!(config.lists.report_interval, Duration::ZERO);
    assert_eq!(config.lists.hold_down, Duration::from_secs(9));
    let mass = lookaside_server::MassRemoval {
        share: 0.25,
        min: 4,
        window: Duration::from_secs(3),
    };
    assert_eq!(config.lists.mass_removal, mass);
    assert_eq!(config.limits.streams, 9);
    assert_eq!(config.limits.streams_per_peer, 8);
    assert!(config.limits.connections > 9);
}

#[test]
fn connections_go_with_streams_unless_they_are_said() {
    let connections = |text| converted(text).limits.connections;
    assert_eq!(connections(""), 60_100);
    assert_eq!(connections("[limits]\nconnections = 7"), 7);
    assert_eq!(connections("[limits]\nconnections = 0"), 0);
    let config = converted(
        "[limits]\nconnections_per_peer = 6\nstreams_per_second_per_name = 5\n\
         [connections]\nreuse_port = true\nwrite_timeout = \"4s\"\nwrite_rate = 2\n",
    );
    assert_eq!(config.limits.connections_per_peer, 6);
    assert_eq!(config.limits.streams_per_second_per_name, 5);
    assert!(config.connections.reuse_port);
    assert_eq!(config.timeouts.write, Duration::from_secs(4));
    assert_eq!(config.connections.write_rate, 2);
}

#[test]
fn a_limit_of_zero_is_none() {
    let limits = converted(
        "[limits]\nstreams = 0\nstreams_per_connection = 0\nnew_streams_per_second = 0\n",
    )
    .limits;
    assert_eq!((limits.streams, limits.connections), (0, 0));
    assert_eq!(limits.streams_per_connection, 0);
    assert_eq!(limits.streams_per_peer, 0);
    assert_eq!(limits.new_streams_per_second, 0);
}

#[test]
fn registration_is_on_by_default_where_there_is_no_other_way_to_register() {
    assert!(converted("registry = \"memory:\"").registration);
    assert!(!converted("registry = \"etcd://a:1\"").registration);
    assert!(converted("registry = \"etcd://a:1\"\n[registration]\nenabled = true").registration);
    assert!(!converted("[registration]\nenabled = false").registration);
}

#[test]
fn only_a_registry_that_starts_empty_is_waited_for() {
    assert_eq!(converted("").lists.hold, Duration::from_secs(3));
    let hold = converted("registry = \"etcd://a:1\"").lists.hold;
    assert_eq!(hold, Duration::ZERO);
}

#[test]
fn token_keys_are_files_and_what_is_none_is_not_repeated() {
    let keys = |text: &str| toml::from_str::<Config>(text).unwrap().tokens.sources();
    let sources = keys("[tokens]\nkeys = [\"file:/a\", \"file:b\"]").unwrap();
    let paths: Vec<_> = sources.iter().map(|source| source.path()).collect();
    assert_eq!(paths, [Path::new("/a"), Path::new("b")]);
    let secret = "AQEBAQEBAQEBAQEBAQEBAQ==";
    for environment in [
        format!("file:/a,{secret}"),
        format!("file:/a,{secret},file:/b"),
    ] {
        let environment = variables(&[("LOOKASIDE_TOKENS_KEYS", &environment)]);
        let error = load(None, environment, Overrides::default()).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("tokens.keys, entry 2: expected file:PATH"),
            "{error}"
        );
        assert!(!error.contains(secret), "{error}");
    }
}

#[test]
fn etcd_gets_its_members_prefixes_and_credentials() {
    let config: Config = toml::from_str(
        "registry = \"etcd://a:1,b:2\"\n[etcd]\nprefix = \"x/\"\nuser = \"u\"\npassword = \"p\"\n",
    )
    .unwrap();
    let etcd = config.etcd();
    assert_eq!(etcd.url(), "etcd://a:1,b:2");
    assert_eq!(&*etcd.prefix, "x/");
    assert_eq!(&*etcd.config_prefix, "lookaside/config/");
    assert_eq!(
        (etcd.user.as_deref(), etcd.password.as_deref()),
        (Some("u"), Some("p"))
    );
}

#[test]
fn a_saved_state_is_of_the_registry_and_of_what_is_read_of_it() {
    let origin = |text: &str| toml::from_str::<Config>(text).unwrap().origin();
    let etcd = origin("registry = \"etcd://a:1,b:1\"\n[etcd]\nuser = \"u\"\npassword = \"secret\"");
    assert!(!etcd.to_string().contains("secret"));
    assert!(etcd.is_same(&origin("registry = \"etcd://b:1\"")));
    assert!(!etcd.is_same(&origin(
        "registry = \"etcd://a:1\"\n[etcd]\nprefix = \"x/\""
    )));
    let file = origin("registry = \"file:a.toml\"");
    let dir = std::env::current_dir().unwrap();
    assert_eq!(file.url, format!("file:{}", dir.join("a.toml").display()));
    assert!(origin("").is_same(&origin("registry = \"memory:\"")));
}

#[test]
fn registries_are_named_by_url() {
    for url in ["memory:", "file:a.toml", "etcd://a:1", "etcd://a:1,[::1]:2"] {
        let parsed: RegistryUrl = url.parse().unwrap();
        assert_eq!(parsed.to_string(), url);
    }
    for (url, part) in [
        ("zookeeper://x", "unknown kind"),
        ("etcd://", "no member"),
        ("etcd://a", "\"a\" is not HOST:PORT"),
        ("etcd://a:0", "a:0"),
        ("file:", "no path"),
    ] {
        let error = url.parse::<RegistryUrl>().unwrap_err();
        assert!(error.contains(part) && error.contains(url), "{error}");
    }
}

#[test]
fn durations_are_written_with_units() {
    assert_eq!(parse_duration("10s"), Ok(Duration::from_secs(10)));
    assert_eq!(parse_duration("100ms"), Ok(Duration::from_millis(100)));
    assert_eq!(parse_duration("0s"), Ok(Duration::ZERO));
    for bad in ["", "10", "-1s", "soon"] {
        assert!(
            parse_duration(bad).unwrap_err().contains("like 10s"),
            "{bad}"
        );
    }
}

#[test]
fn a_file_for_health_checks_that_cannot_be_used_is_named() {
    let config: Config = toml::from_str("[health]\nca = \"/nonexistent.pem\"").unwrap();
    let error = config.health.probes().unwrap_err().to_string();
    assert!(error.contains("/nonexistent.pem"), "{error}");
    assert!(Config::default().health.probes().is_ok());
}
