//! SARIF 2.1.0, which code scanning services read. The only user of serde-sarif.

use crate::formats::as_lines;
use crate::probe_files::ProbeFiles;
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings, Label, Severity};
use crate::text::explain;
use crate::text::source::Sources;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_sarif::sarif::{
    ArtifactLocation, Location, Message, MultiformatMessageString, PhysicalLocation, Region,
    ReportingDescriptor, Result as Finding, ResultLevel, Run, Sarif, Tool, ToolComponent,
};
use std::collections::BTreeSet;

/// Where the schema is published.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// What relative paths are relative to, under the name that services know.
const BASE: &str = "%SRCROOT%";
/// What a path of a URI need not escape (RFC 3986, `pchar` and the slash).
const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The document for what was found.
pub fn log(files: &ProbeFiles) -> Sarif {
    let all = || {
        let findings = files.files.iter().map(|file| &file.findings);
        findings
            .flat_map(|findings| findings.in_order().into_iter().map(move |one| (findings, one)))
    };
    let codes: BTreeSet<&str> = all().map(|(_, diagnostic)| diagnostic.code.name()).collect();
    let rules: Vec<Code> = codes
        .into_iter()
        .filter_map(|name| Code::ALL.iter().copied().find(|c| c.name() == name))
        .collect();
    let results: Vec<Finding> = all()
        .map(|(findings, diagnostic)| finding(&files.sources, findings, diagnostic, &rules))
        .collect();
    let driver = ToolComponent::builder()
        .name(env!("CARGO_PKG_NAME"))
        .version(env!("CARGO_PKG_VERSION"))
        .semantic_version(env!("CARGO_PKG_VERSION"))
        .rules(rules.iter().copied().map(rule).collect::<Vec<_>>())
        .build();
    let run = Run::builder()
        .tool(Tool::builder().driver(driver).build())
        .column_kind("utf16CodeUnits")
        .results(results)
        .build();
    Sarif::builder().schema(SCHEMA).version("2.1.0").runs(vec![run]).build()
}

fn rule(code: Code) -> ReportingDescriptor {
    let text = |text: &str| MultiformatMessageString::builder().text(text).build();
    let help = explain::text(code).unwrap_or(code.summary());
    ReportingDescriptor::builder()
        .id(code.name())
        .short_description(text(code.summary()))
        .help(MultiformatMessageString::builder().text(help).markdown(help).build())
        .build()
}

fn finding(
    sources: &Sources,
    findings: &Findings,
    diagnostic: &Diagnostic,
    rules: &[Code],
) -> Finding {
    let related: Vec<Location> = diagnostic
        .others
        .iter()
        .zip(1..)
        .map(|(label, id)| {
            let mut location = location(sources, findings, label);
            location.id = Some(id);
            location
        })
        .collect();
    let rule = rules.iter().zip(0_i64..).find(|(rule, _)| **rule == diagnostic.code);
    let mut result = Finding::builder()
        .rule_id(diagnostic.code.name())
        .level(match diagnostic.severity {
            Severity::Error => ResultLevel::Error,
            Severity::Warning => ResultLevel::Warning,
            Severity::Note => ResultLevel::Note,
        })
        .message(Message::builder().text(as_lines(diagnostic)).build())
        .locations(vec![location(sources, findings, &diagnostic.primary)])
        .build();
    result.rule_index = rule.map(|(_, index)| index);
    result.related_locations = (!related.is_empty()).then_some(related);
    result
}

fn location(sources: &Sources, findings: &Findings, label: &Label) -> Location {
    let source = sources.get(findings.source_of(label));
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let (line, column) = source.line_column_utf16(label.span.start);
    let (end_line, end_column) = source.line_column_utf16(label.span.end);
    let region = Region::builder()
        .start_line(number(line))
        .start_column(number(column))
        .end_line(number(end_line))
        .end_column(number(end_column))
        .build();
    let place = PhysicalLocation::builder()
        .artifact_location(artifact(&source.path))
        .region(region)
        .build();
    let mut location = Location::builder().physical_location(place).build();
    if !label.text.is_empty() {
        location.message = Some(Message::builder().text(label.text.as_str()).build());
    }
    location
}

/// A path as a URI: relative to the sources' root, unless it was named as an absolute one.
fn artifact(path: &str) -> ArtifactLocation {
    let escaped = utf8_percent_encode(path.trim_start_matches("./"), PATH).to_string();
    if path.starts_with('/') {
        return ArtifactLocation::builder().uri(format!("file://{escaped}")).build();
    }
    ArtifactLocation::builder().uri(escaped).uri_base_id(BASE).build()
}

#[cfg(test)]
mod tests {
    use super::artifact;

    #[test]
    fn paths_become_uris() {
        let uri = |path: &str| {
            let location = artifact(path);
            (location.uri.unwrap_or_default(), location.uri_base_id.is_some())
        };
        assert_eq!(uri("./probes.d/a b%.yaml"), ("probes.d/a%20b%25.yaml".into(), true));
        assert_eq!(uri("é.yaml"), ("%C3%A9.yaml".into(), true));
        assert_eq!(uri("/etc/x.yaml"), ("file:///etc/x.yaml".into(), false));
    }
}
