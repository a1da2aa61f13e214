use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result, ensure};
use lookaside_tests::{cli, skip::run_if_installed};
use serde_json::Value;

use super::{
    command_line::{check_command, value},
    manifest::{at, check_image, document, documents, list, repository, text, words},
};

const FOLDER: &str = "deploy/kubernetes";

/// Every object that `kubectl apply --kustomize` makes.
fn objects() -> Result<Vec<Value>> {
    let index = document(&format!("{FOLDER}/kustomization.yaml"))?;
    let mut named = BTreeSet::from(["kustomization.yaml".to_owned()]);
    let mut all = Vec::new();
    for file in words(&index, "/resources")? {
        named.insert(file.to_owned());
        all.extend(documents(&format!("{FOLDER}/{file}"))?);
    }
    let there = fs::read_dir(repository().join(FOLDER))?;
    for entry in there {
        let name = entry?.file_name().into_string().unwrap_or_default();
        ensure!(named.contains(&name), "{name} is not in kustomization.yaml");
    }
    Ok(all)
}

fn one(kind: &str, name: &str) -> Result<Value> {
    let found = objects()?.into_iter().find(|object| {
        object["kind"] == kind && object.pointer("/metadata/name").is_some_and(|n| n == name)
    });
    found.with_context(|| format!("no {kind} {name}"))
}

fn of_kind(kind: &str) -> Result<Vec<Value>> {
    Ok(objects()?
        .into_iter()
        .filter(|object| object["kind"] == kind)
        .collect())
}

fn pod() -> Result<Value> {
    Ok(at(&one("Deployment", "lookaside")?, "/spec/template")?.clone())
}

fn container(pod: &Value) -> Result<&Value> {
    at(pod, "/spec/containers/0")
}

/// Whether a selector finds the balancers' pods.
fn selects(selector: &Value, pod: &Value) -> Result<()> {
    let labels = at(pod, "/metadata/labels")?;
    let wanted = selector.as_object().context("a selector")?;
    ensure!(!wanted.is_empty(), "a selector of everything");
    for (label, value) in wanted {
        ensure!(
            labels.get(label) == Some(value),
            "{label}={value} finds no balancer"
        );
    }
    Ok(())
}

#[test]
fn all_that_select_pods_select_the_balancers() -> Result<()> {
    let pod = pod()?;
    let deployment = one("Deployment", "lookaside")?;
    selects(at(&deployment, "/spec/selector/matchLabels")?, &pod)?;
    for spread in list(&pod, "/spec/topologySpreadConstraints") {
        selects(at(spread, "/labelSelector/matchLabels")?, &pod)?;
    }
    let services = of_kind("Service")?;
    ensure!(services.len() == 2);
    for service in &services {
        selects(at(service, "/spec/selector")?, &pod)?;
    }
    let budget = one("PodDisruptionBudget", "lookaside")?;
    selects(at(&budget, "/spec/selector/matchLabels")?, &pod)?;
    let policy = one("NetworkPolicy", "lookaside")?;
    selects(at(&policy, "/spec/podSelector/matchLabels")?, &pod)?;
    // A node may be drained, and never more than one balancer is away for it.
    let away = at(&budget, "/spec/maxUnavailable")?.as_u64();
    let replicas = at(&deployment, "/spec/replicas")?.as_u64();
    ensure!(
        away == Some(1) && replicas > Some(1),
        "{away:?} of {replicas:?}"
    );
    Ok(())
}

#[test]
fn every_port_that_is_named_is_one_of_the_container() -> Result<()> {
    let pod = pod()?;
    let container = container(&pod)?;
    let ports = list(container, "/ports").iter();
    let ports: BTreeSet<&str> = ports
        .map(|port| text(port, "/name"))
        .collect::<Result<_>>()?;
    let mut used = BTreeSet::new();
    for service in of_kind("Service")? {
        for port in list(&service, "/spec/ports") {
            used.insert(text(port, "/targetPort")?.to_owned());
        }
    }
    for rule in list(&one("NetworkPolicy", "lookaside")?, "/spec/ingress") {
        for port in list(rule, "/ports") {
            let name = text(port, "/port")?;
            used.insert(name.to_owned());
            ensure!(
                name != "admin" || !list(rule, "/from").is_empty(),
                "admin for everybody"
            );
        }
    }
    for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        let probe = at(container, &format!("/{probe}/httpGet"))?;
        used.insert(text(probe, "/port")?.to_owned());
        ensure!(text(probe, "/path")? == path);
    }
    for name in &used {
        ensure!(
            ports.contains(name.as_str()),
            "{name} is no port of the container"
        );
    }
    assert_eq!(used.len(), ports.len(), "ports that nobody uses");
    // What stock clients ask for: _grpclb._tcp.
    let headless = one("Service", "balancers")?;
    ensure!(text(&headless, "/spec/clusterIP")? == "None");
    ensure!(text(&headless, "/spec/ports/0/name")? == "grpclb");
    Ok(())
}

#[test]
fn the_container_runs_a_command_that_there_is_with_a_configuration_that_is_good() -> Result<()> {
    let pod = pod()?;
    let container = container(&pod)?;
    check_image(text(container, "/image")?)?;
    let args = words(container, "/args")?;
    check_command(&args)?;
    let path = value(&args, "--config").context("--config")?;
    let (folder, file) = path.rsplit_once('/').context("a path")?;
    let mount = |at_path: &str| {
        let mounts = list(container, "/volumeMounts").iter();
        let mut found = mounts.filter(|mount| mount["mountPath"] == at_path);
        let found = found
            .next()
            .with_context(|| format!("nothing is mounted at {at_path}"));
        found.and_then(|mount| text(mount, "/name"))
    };
    let volume = |name: &str| {
        let volumes = list(&pod, "/spec/volumes").iter();
        let mut found = volumes.filter(|volume| volume["name"] == name);
        found.next().with_context(|| format!("no volume {name}"))
    };
    let map = text(volume(mount(folder)?)?, "/configMap/name")?;
    let map = one("ConfigMap", map)?;
    let config = at(&map, "/data")?.get(file).and_then(Value::as_str);
    let config = config.with_context(|| format!("the map has no {file}"))?;

    let temp = tempfile::tempdir()?;
    let written = temp.path().join(file);
    fs::write(&written, config)?;
    let checked = cli::run(&[
        "serve",
        "--check",
        "--config",
        written.to_str().context("UTF-8")?,
    ]);
    ensure!(checked.status == 0, "{checked:?}");
    for port in list(container, "/ports") {
        let word = format!("0.0.0.0:{}", at(port, "/containerPort")?);
        ensure!(checked.stdout.contains(&word), "{word}: {checked:?}");
    }
    let state = config
        .lines()
        .find_map(|line| line.strip_prefix("dir = \""));
    let state = state.context("a state directory")?.trim_end_matches('"');
    volume(mount(state)?)?;
    assert_eq!(
        list(&pod, "/spec/volumes").len(),
        list(container, "/volumeMounts").len()
    );
    Ok(())
}

#[test]
fn the_pod_has_no_rights_and_enough_time_to_hand_its_clients_over() -> Result<()> {
    let pod = pod()?;
    let container = container(&pod)?;
    for (pointer, wanted) in [
        ("/spec/securityContext/runAsNonRoot", Value::Bool(true)),
        (
            "/spec/securityContext/seccompProfile/type",
            "RuntimeDefault".into(),
        ),
        ("/spec/automountServiceAccountToken", Value::Bool(false)),
        ("/spec/enableServiceLinks", Value::Bool(false)),
    ] {
        ensure!(*at(&pod, pointer)? == wanted, "{pointer}");
    }
    let security = at(container, "/securityContext")?;
    ensure!(at(security, "/readOnlyRootFilesystem")? == true);
    ensure!(at(security, "/allowPrivilegeEscalation")? == false);
    ensure!(words(security, "/capabilities/drop")? == ["ALL"]);
    let number = |value: &Value, pointer| at(value, pointer)?.as_u64().context("a number");
    let waits = number(container, "/lifecycle/preStop/sleep/seconds")?;
    let grace = number(&pod, "/spec/terminationGracePeriodSeconds")?;
    // `Timeouts::drain` and `close` of the server.
    ensure!(grace > waits + 15, "{grace} s are too few");
    Ok(())
}

#[test]
fn kubectl_reads_the_kustomization() -> Result<()> {
    let folder = repository().join(FOLDER);
    let folder = folder.to_str().context("a path in UTF-8")?;
    let probe = ["kubectl", "version", "--client"];
    if let Some(built) = run_if_installed(&probe, &["kubectl", "kustomize", folder]) {
        ensure!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        let built: Vec<Value> = serde_saphyr::from_multiple(&String::from_utf8(built.stdout)?)?;
        assert_eq!(built.len(), objects()?.len());
    }
    Ok(())
}
