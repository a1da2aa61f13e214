use std::io::{self, Write};

use lookaside_proto::v1::{Build, GetStatusResponse};

use super::{
    colour::painted,
    format::{ago, count, duration, timestamp},
    problems::write_problems,
    services::{registry, signing},
};

/// The balancer, a line for each thing that is to be known of it.
pub(crate) fn write_status(out: &mut impl Write, status: &GetStatusResponse) -> io::Result<()> {
    let ready = match status.ready {
        true => "ready".to_owned(),
        false => format!("not ready ({})", status.not_ready_reason),
    };
    let mut rows = vec![("state", painted(&ready))];
    rows.push(("version", status.version.clone()));
    if let Some(build) = status.build.as_ref().and_then(built) {
        rows.push(("build", build));
    }
    if let (Some(uptime), Some(since)) = (duration(status.uptime), timestamp(status.started_at)) {
        rows.push(("up", format!("{} (since {since})", ago(uptime))));
    }
    if let Some(it) = &status.registry {
        rows.push(("registry", registry(it)));
    }
    let problems = match status.problems {
        0 => "no problems".to_owned(),
        problems => count(problems, "problem"),
    };
    rows.push(("keys", format!("{problems} in the registry")));
    rows.push(("services", status.services.to_string()));
    rows.push(("streams", status.open_streams.to_string()));
    let tokens = signing(&status.token_keys);
    rows.push(("tokens", tokens.unwrap_or_else(|| "unsigned".to_owned())));
    for (name, value) in rows {
        writeln!(out, "{name:<9} {value}")?;
    }
    write_problems(out, &status.stray_problems)
}

/// `commit 0123abc for x86_64-unknown-linux-gnu, release, rustc 1.95.0, features otlp`
fn built(build: &Build) -> Option<String> {
    let features = match &build.features[..] {
        [] => String::new(),
        features => format!("features {}", features.join(" ")),
    };
    let commit = match &*build.commit {
        "" => String::new(),
        commit => format!("commit {commit}"),
    };
    let parts = [
        commit,
        build.target.clone(),
        build.profile.clone(),
        build.rustc.clone(),
        features,
    ];
    let known: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    (!known.is_empty()).then(|| known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(status: &GetStatusResponse) -> String {
        let mut out = Vec::new();
        write_status(&mut out, status).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_balancer_is_described_a_line_for_each_thing() {
        let status = GetStatusResponse {
            version: "1.2.3".to_owned(),
            ready: true,
            services: 2,
            open_streams: 7,
            problems: 1,
            token_keys: vec!["1a".to_owned(), "2b".to_owned()],
            build: Some(Build {
                commit: "0123abc".to_owned(),
                target: "x86_64-unknown-linux-gnu".to_owned(),
                rustc: "rustc 1.95.0".to_owned(),
                profile: "release".to_owned(),
                features: vec!["otlp".to_owned()],
            }),
            uptime: Some(prost_types::Duration {
                seconds: 75,
                nanos: 0,
            }),
            started_at: Some(prost_types::Timestamp {
                seconds: 1_700_000_000,
                nanos: 0,
            }),
            ..GetStatusResponse::default()
        };
        assert_eq!(
            written(&status),
            "\
state     ready
version   1.2.3
build     commit 0123abc, x86_64-unknown-linux-gnu, release, rustc 1.95.0, features otlp
up        1m 15s (since 2023-11-14T22:13:20.000Z)
keys      1 problem in the registry
services  2
streams   7
tokens    signed with key 1a (also in force: 2b)
"
        );
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let status = GetStatusResponse {
            version: "1.2.3".to_owned(),
            not_ready_reason: "etcd is down".to_owned(),
            build: Some(Build::default()),
            ..GetStatusResponse::default()
        };
        assert_eq!(
            written(&status),
            "\
state     not ready (etcd is down)
version   1.2.3
keys      no problems in the registry
services  0
streams   0
tokens    unsigned
"
        );
    }
}
