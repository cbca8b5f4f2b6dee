//! The configurations of `docs/serving.md` are right for the programs that they are for.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
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

/// What promtool says about a file.
fn promtool(what: &str, name: &str, text: &str) -> Result<String, String> {
    let directory =
        std::env::temp_dir().join(format!("probe-runner-serving-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a directory can be made");
    let file: PathBuf = directory.join(name);
    fs::write(&file, text).expect("a file can be written");
    let output = Command::new("promtool")
        .args(["check", what])
        .arg(&file)
        .output()
        .expect("promtool runs: install the package prometheus");
    fs::remove_file(&file).expect("the file was written");
    // Tests run at once, each with its own file: the last one has an empty directory.
    let _ = fs::remove_dir(directory);
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
