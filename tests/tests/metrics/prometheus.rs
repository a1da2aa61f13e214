//! A real Prometheus, where there is one, takes what a balancer exports and answers all that the
//! dashboard and the alert rules ask.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    net::SocketAddr,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use lookaside_tests::{
    Process, eventually, http, openmetrics::parse, ports, skip::run_if_installed,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    dashboard,
    world::{BOUND, World, file, repository, scrape_text},
};

/// One that scrapes a balancer every second.
struct Prometheus {
    process: Process,
    addr: SocketAddr,
    _folder: TempDir,
}

impl Prometheus {
    fn start(target: SocketAddr) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let rules = repository().join("deploy/prometheus/alerts.yml");
        let rules = fs::canonicalize(rules)?;
        let config = folder.path().join("prometheus.yml");
        fs::write(
            &config,
            format!(
                "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
                 rule_files: [{rules:?}]\n\
                 scrape_configs:\n  - job_name: lookaside\n    static_configs: [{{targets: [\"{target}\"]}}]\n"
            ),
        )?;
        let addr = ports::unused();
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={addr}"));
        Ok(Self {
            process: Process::spawn("prometheus", &mut command),
            addr,
            _folder: folder,
        })
    }

    /// What its API says to `path`.
    async fn ask(&self, path: &str) -> Result<Value> {
        let (status, body) = http::get(self.addr, &format!("/api/v1/{path}")).await?;
        ensure!(status == 200, "{path}: {status}: {body}");
        let mut answer: Value = serde_json::from_str(&body)?;
        ensure!(answer.get("warnings").is_none(), "{path}: {answer}");
        Ok(answer["data"].take())
    }

    async fn query(&self, expression: &str) -> Result<Vec<Value>> {
        let mut path = "query?query=".to_owned();
        for byte in expression.bytes() {
            write!(path, "%{byte:02X}")?;
        }
        let answer = self.ask(&path).await?;
        let result = answer["result"].as_array().context("no result")?;
        Ok(result.clone())
    }
}

/// As Grafana fills in its variables.
fn filled_in(query: &str) -> String {
    let all = ["$job", "$instance", "$service"]
        .iter()
        .fold(query.to_owned(), |query, name| query.replace(name, ".*"));
    all.replace("$__rate_interval", "1m")
}

#[tokio::test]
async fn a_prometheus_scrapes_a_balancer_and_answers_the_dashboard() -> Result<()> {
    let probe = ["prometheus", "--version"];
    if run_if_installed(&probe, &probe).is_none() {
        return Ok(());
    }
    let world = World::new().await?;
    let prometheus = Prometheus::start(world.balancer.admin)?;

    let target = eventually("the target is scraped", BOUND, || async {
        let targets = prometheus.ask("targets").await;
        let targets = targets.map_err(|error| format!("{error:#}"))?;
        let target = &targets["activeTargets"][0];
        match target["health"].as_str() {
            Some("up" | "down") => Ok(target.clone()),
            _ => Err(targets.to_string()),
        }
    })
    .await;
    assert_eq!(target["health"], "up", "{target}");
    assert_eq!(target["lastError"], "", "{target}");

    // Two scrapes, so that rates have something to say.
    let twice = "count_over_time(lookaside_ready[1m]) >= 2";
    eventually("it is scraped again", BOUND, || async {
        let found = prometheus.query(twice).await;
        let found = found.map_err(|error| format!("{error:#}"))?;
        found.first().cloned().ok_or_else(|| "once".to_owned())
    })
    .await;

    let families = parse(&scrape_text(world.balancer.admin).await?)?;
    let exported: BTreeSet<String> = families
        .values()
        .flat_map(|family| family.samples.iter().map(|sample| sample.name.clone()))
        .collect();
    let kept = prometheus
        .query("count by (__name__) ({__name__=~\"lookaside_.+\"})")
        .await?;
    let kept: BTreeSet<String> = kept
        .iter()
        .filter_map(|series| series["metric"]["__name__"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(kept, exported);

    for query in dashboard::queries()? {
        let asked = prometheus.query(&filled_in(&query)).await;
        asked.with_context(|| query.clone())?;
    }

    // Each is evaluated, and what has not happened is not told.
    let rules = eventually("the alert rules are evaluated", BOUND, || async {
        let rules = prometheus.ask("rules").await;
        let rules = rules.map_err(|error| format!("{error:#}"))?;
        let rules = rules["groups"][0]["rules"].as_array().cloned();
        let rules = rules.unwrap_or_default();
        let evaluated = rules.iter().all(|rule| rule["health"] != "unknown");
        if evaluated && !rules.is_empty() {
            Ok(rules)
        } else {
            Err(format!("{rules:?}"))
        }
    })
    .await;
    let alerts = file("deploy/prometheus/alerts.yml")?;
    assert_eq!(rules.len(), alerts.matches("- alert:").count());
    for rule in &rules {
        assert_eq!(rule["health"], "ok", "{rule}");
        assert_eq!(rule["state"], "inactive", "{rule}");
    }

    let said = prometheus.process.stderr();
    let complaints: Vec<_> = said
        .iter()
        .filter(|line| {
            let line = line.to_lowercase();
            line.contains("level=warn") || line.contains("level=error")
        })
        .collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    Ok(())
}

/// OpenMetrics as the older text format, which is what `promtool check metrics` reads: there a
/// counter's family is called as its sample is, and an info is a gauge.
fn older_text(text: &str) -> Result<String> {
    let families = parse(text)?;
    let mut older = String::new();
    for family in families.values() {
        let (name, kind) = match family.kind.as_str() {
            "counter" => (format!("{}_total", family.name), "counter"),
            "info" => (format!("{}_info", family.name), "gauge"),
            kind => (family.name.clone(), kind),
        };
        writeln!(older, "# HELP {name} {}", family.help)?;
        writeln!(older, "# TYPE {name} {kind}")?;
        let lines = text.lines().filter(|line| {
            let named = line.split(['{', ' ']).next().unwrap_or_default();
            family.sample_names().iter().any(|name| name == named)
        });
        for line in lines {
            writeln!(older, "{line}")?;
        }
    }
    Ok(older)
}

#[tokio::test]
async fn promtool_finds_nothing_to_say_about_names_and_helps() -> Result<()> {
    let probe = ["promtool", "--version"];
    if run_if_installed(&probe, &probe).is_none() {
        return Ok(());
    }
    let world = World::new().await?;
    let folder = tempfile::tempdir()?;
    let input = folder.path().join("metrics");
    let text = scrape_text(world.balancer.admin).await?;
    fs::write(&input, older_text(&text)?)?;
    let output = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::from(fs::File::open(&input)?))
        .output()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
    Ok(())
}
