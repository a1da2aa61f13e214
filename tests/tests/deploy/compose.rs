use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use lookaside_tests::skip::run_if_installed;
use serde_json::Value;

use super::{
    command_line::{check_command, value},
    manifest::{at, check_image, document, list, repository, text, words},
};

const FILE: &str = "docker-compose.yml";

fn services() -> Result<Vec<(String, Value)>> {
    let file = document(FILE)?;
    let all = at(&file, "/services")?.as_object().context("services")?;
    Ok(all.clone().into_iter().collect())
}

fn names() -> Result<BTreeSet<String>> {
    Ok(services()?.into_iter().map(|(name, _)| name).collect())
}

fn ours(service: &Value) -> bool {
    service
        .pointer("/image")
        .and_then(Value::as_str)
        .is_some_and(|image| image.starts_with("lookaside:"))
}

#[test]
fn there_is_an_etcd_and_two_balancers_three_backends_a_load_client_prometheus_and_grafana()
-> Result<()> {
    let mut commands = Vec::new();
    for (name, service) in services()? {
        check_image(text(&service, "/image")?).with_context(|| name.clone())?;
        if ours(&service) {
            commands.push(text(&service, "/command/0")?.to_owned());
        }
    }
    commands.sort();
    assert_eq!(
        commands,
        ["backend", "backend", "backend", "probe", "serve", "serve"]
    );
    for name in ["etcd", "prometheus", "grafana"] {
        assert!(names()?.contains(name), "{name}");
    }
    Ok(())
}

#[test]
fn every_command_is_one_of_the_binary_and_every_host_a_service() -> Result<()> {
    let names = names()?;
    for (name, service) in services()?.iter().filter(|(_, service)| ours(service)) {
        let command = words(service, "/command")?;
        check_command(&command).with_context(|| name.clone())?;
        for flag in ["--registry", "--balancer", "--fallback", "--advertise"] {
            let hosts = value(&command, flag).unwrap_or_default();
            let hosts = hosts.trim_start_matches("etcd://").split(',');
            for host in hosts.filter_map(|host| host.split(':').next()) {
                let known = host.is_empty() || names.contains(host);
                ensure!(known, "{name}: {flag} names {host}, which is no service");
            }
        }
        ensure!(at(service, "/read_only")? == true, "{name} may write");
        ensure!(
            words(service, "/cap_drop")? == ["ALL"],
            "{name} has capabilities"
        );
        let serves = command[0] == "serve";
        let disabled = service.pointer("/healthcheck/disable") == Some(&Value::Bool(true));
        ensure!(
            disabled != serves,
            "{name}: the image's health check is for balancers"
        );
        // 15 s to hand clients over; agents drain as long.
        if command[0] != "probe" {
            let grace = text(service, "/stop_grace_period")?;
            let seconds: u32 = grace.trim_end_matches('s').parse()?;
            ensure!(seconds > 15, "{name}: {grace}");
        }
    }
    Ok(())
}

#[test]
fn what_is_mounted_waited_for_and_published_exists() -> Result<()> {
    let file = document(FILE)?;
    let names = names()?;
    let volumes = at(&file, "/volumes")?.as_object().context("volumes")?;
    let mut used = BTreeSet::new();
    let mut published = BTreeSet::new();
    for (name, service) in services()? {
        for mount in words(&service, "/volumes")? {
            let (from, to) = mount.split_once(':').context("a mount")?;
            if from.starts_with("./") {
                ensure!(repository().join(from).exists(), "{name}: no {from}");
                ensure!(to.ends_with(":ro"), "{name}: {from} may be written");
            } else {
                ensure!(volumes.contains_key(from), "{name}: no volume {from}");
                used.insert(from.to_owned());
            }
        }
        if let Some(waits) = service.pointer("/depends_on").and_then(Value::as_object) {
            for (on, how) in waits {
                ensure!(names.contains(on), "{name} waits for {on}");
                ensure!(
                    text(how, "/condition")? == "service_healthy",
                    "{name}: {how}"
                );
                let on = at(&file, &format!("/services/{on}"))?;
                let checked = ours(on) || on.pointer("/healthcheck/test").is_some();
                ensure!(
                    checked,
                    "{name} waits for the health of {on}, which has none"
                );
            }
        }
        for port in words(&service, "/ports")? {
            let host = port.rsplit_once(':').context("a port")?.0;
            let host = host.rsplit(':').next().unwrap_or(host);
            ensure!(
                published.insert(host.to_owned()),
                "{host} is published twice"
            );
            let inner = port.rsplit(':').next().unwrap_or_default();
            let admin = ours(&service) && inner == "7401";
            ensure!(
                !admin || port.starts_with("127.0.0.1:"),
                "{name}: {port} for everybody"
            );
            if ours(&service) {
                let command = words(&service, "/command")?;
                let listens = command
                    .iter()
                    .any(|word| word.ends_with(&format!(":{inner}")));
                ensure!(listens, "{name}: nobody listens at {inner}");
            }
        }
    }
    let declared: BTreeSet<String> = volumes.keys().cloned().collect();
    assert_eq!(used, declared, "volumes that are declared and used");
    Ok(())
}

#[test]
fn prometheus_scrapes_the_balancers_admin_ports_and_grafana_asks_prometheus() -> Result<()> {
    let names = names()?;
    let config = document("deploy/prometheus/prometheus.yml")?;
    let mut scraped = BTreeSet::new();
    for job in list(&config, "/scrape_configs") {
        for target in list(job, "/static_configs")
            .iter()
            .flat_map(|part| list(part, "/targets"))
        {
            let (host, port) = target
                .as_str()
                .and_then(|t| t.split_once(':'))
                .context("a target")?;
            ensure!(names.contains(host) && port == "7401", "{target}");
            scraped.insert(host.to_owned());
        }
    }
    let balancers: BTreeSet<String> = names
        .iter()
        .filter(|name| name.starts_with("balancer-"))
        .cloned()
        .collect();
    assert_eq!(scraped, balancers);

    let folder = "deploy/grafana/provisioning";
    let sources = document(&format!("{folder}/datasources/prometheus.yml"))?;
    ensure!(text(&sources, "/datasources/0/url")? == "http://prometheus:9090");
    let boards = document(&format!("{folder}/dashboards/lookaside.yml"))?;
    let path = text(&boards, "/providers/0/options/path")?;
    let file = document(FILE)?;
    let mounts = words(&file, "/services/grafana/volumes")?;
    ensure!(
        mounts
            .iter()
            .any(|mount| mount.contains(&format!(":{path}:"))),
        "{path}: {mounts:?}"
    );
    Ok(())
}

#[test]
fn docker_compose_reads_it_without_a_word() -> Result<()> {
    let file = repository().join(FILE);
    let file = file.to_str().context("a path in UTF-8")?;
    let command = ["docker", "compose", "--file", file, "config", "--quiet"];
    if let Some(read) = run_if_installed(&["docker", "compose", "version"], &command) {
        // Nor does it warn of anything, such as a variable that is not set.
        let said = String::from_utf8_lossy(&read.stderr);
        ensure!(read.status.success() && said.is_empty(), "{said}");
    }
    Ok(())
}
