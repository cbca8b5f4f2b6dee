//! The configurations of `docs/serving.md` are right for the programs that they are for.

mod scratch;

use scratch::Scratch;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The block of docs/serving.md that stands for a file.
fn recipe(file: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/serving.md");
    let page = fs::read_to_string(page).expect("docs/serving.md is readable");
    let block = page
        .split("\n```")
        .find_map(|block| {
            let (head, text) = block.split_once('\n')?;
            (head.split_once(' ')?.1 == file).then_some(text)
        })
        .unwrap_or_else(|| panic!("docs/serving.md has no block for {file}"));
    format!("{block}\n")
}

/// What systemd says about the unit, with this program in the place of the installed one.
fn verified(name: &str, unit: &str) -> String {
    let scratch = Scratch::new(name);
    let unit = unit.replace("/usr/bin/probe-runner", env!("CARGO_BIN_EXE_probe-runner"));
    let file = scratch.write("probe-runner-serve.service", unit);
    let output = Command::new("systemd-analyze")
        .args(["verify", &file])
        .current_dir(scratch.path())
        .output()
        .expect("systemd-analyze runs: install the package systemd");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // Other units of this machine are its own business.
    let said = said.lines().filter(|line| line.contains("probe-runner"));
    said.collect::<Vec<_>>().join("\n")
}

#[test]
fn systemd_takes_the_unit() {
    let text = recipe("probe-runner-serve.service");
    assert_eq!(verified("unit", &text), "");
    // What it doesn't know it would only mention in its log, and leave out.
    let wrong = text.replace("ProtectSystem=strict", "ProtectSystem=stricter");
    assert!(verified("wrong-unit", &wrong).contains("stricter"));
    let wrong = text.replace("probe-runner serve", "probe-runner-that-is-not-there serve");
    assert!(verified("no-program", &wrong).contains("not executable"));
}

/// What promtool says about a file.
fn promtool(what: &str, name: &str, text: &str) -> Result<String, String> {
    let scratch = Scratch::new(&format!("promtool-{name}"));
    let file = scratch.write(name, text);
    let output = Command::new("promtool")
        .args(["check", what])
        .arg(&file)
        .output()
        .expect("promtool runs: install the package prometheus");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if output.status.success() { Ok(said) } else { Err(said) }
}

#[test]
fn prometheus_takes_its_configuration() {
    let text = recipe("prometheus.yml");
    assert!(text.contains("127.0.0.1:9435"), "{text}");
    promtool("config", "prometheus.yml", &text).unwrap_or_else(|said| panic!("{said}"));
    let wrong = text.replace("targets", "tragets");
    promtool("config", "wrong.yml", &wrong).expect_err("it is wrong");
}

/// The rules name metrics that there are.
#[test]
fn prometheus_takes_the_rules() {
    let text = recipe("probe-runner.rules.yml");
    let said = promtool("rules", "rules.yml", &text).unwrap_or_else(|said| panic!("{said}"));
    assert!(said.contains("4 rules"), "{said}");
    let sources = ["metrics.rs", "serve/collector.rs", "read/sinks/prometheus.rs"];
    let source: String = sources
        .iter()
        .map(|file| Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file))
        .map(|file| fs::read_to_string(file).expect("the source is readable"))
        .collect();
    let mut names = 0;
    for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        if word.starts_with("probe_runner_") {
            let name = word.trim_end_matches("_total");
            assert!(source.contains(&format!("\"{name}\"")), "no metric is called {word}");
            names += 1;
        }
    }
    assert!(names >= 5, "only {names} names were found: is the test looking?");
}

/// The Collector's receiver takes what Prometheus takes below `scrape_configs`.
#[test]
fn the_collectors_configuration_scrapes_the_same() {
    let parsed = |file: &str| -> Value {
        serde_saphyr::from_str(&recipe(file)).expect("the configuration is YAML")
    };
    let collector = parsed("otel-collector.yaml");
    assert_eq!(
        collector["receivers"]["prometheus"]["config"]["scrape_configs"],
        parsed("prometheus.yml")["scrape_configs"]
    );
    let pipeline = &collector["service"]["pipelines"]["metrics"];
    for (part, of) in [("receivers", "prometheus"), ("processors", "batch"), ("exporters", "otlp")]
    {
        assert_eq!(pipeline[part][0], of);
        assert!(!collector[part][of].is_null(), "{part} has no {of}");
    }
}
