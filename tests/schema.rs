//! The JSON schema of probe files: committed as it is printed, documented throughout, and in agreement
//! with the language on files that are right and on files of the wrong shape.

use jsonschema::Validator;
use probe_runner::spec::shape::Spec;
use probe_runner::spec::{schema, yaml};
use probe_runner::text::source::Source;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn probe_schema() -> Value {
    serde_json::to_value(schema::of_probe_files()).expect("a schema is JSON")
}

fn validator() -> Validator {
    jsonschema::validator_for(&probe_schema()).expect("the schema is a schema")
}

/// The YAML files of a directory.
fn yaml_files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(directory)
        .expect("the directory is readable")
        .map(|entry| entry.expect("the directory is readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

/// A probe file as an editor's validator sees it.
fn document(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("the file is readable");
    serde_saphyr::from_str(&text).expect("the file is YAML")
}

/// Calls `see` with the place, name and schema of each property.
fn properties(
    schema: &Value,
    place: &str,
    see: &mut impl FnMut(&str, &Value, &Map<String, Value>),
) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(all)) = object.get("properties") {
                for (name, property) in all {
                    see(&format!("{place}/{name}"), property, object);
                }
            }
            for (name, inner) in object.iter().filter(|(name, _)| *name != "examples") {
                properties(inner, &format!("{place}/{name}"), see);
            }
        }
        Value::Array(inner) => {
            for (index, inner) in inner.iter().enumerate() {
                properties(inner, &format!("{place}/{index}"), see);
            }
        }
        _ => {}
    }
}

#[test]
fn every_field_is_documented_and_has_an_example_that_is_right() {
    let schema = probe_schema();
    let mut count = 0;
    let mut wrong = Vec::new();
    properties(&schema, "", &mut |place, property, owner| {
        count += 1;
        if property["description"].as_str().is_none_or(str::is_empty) {
            wrong.push(format!("{place} has no description: write a doc comment"));
        }
        // What a choice (`fexit: …`) takes is documented where its own fields are.
        let is_choice = owner["properties"].as_object().is_some_and(|all| all.len() == 1)
            && owner.contains_key("required");
        let examples = property.get("examples").and_then(Value::as_array);
        if examples.is_none_or(Vec::is_empty) && !is_choice {
            wrong.push(format!("{place} has no example: write #[schemars(example = …)]"));
        }
        let mut alone = property.clone();
        alone["$defs"] = schema["$defs"].clone();
        let alone = jsonschema::validator_for(&alone).expect("the schema is a schema");
        for example in examples.into_iter().flatten() {
            if let Err(error) = alone.validate(example) {
                wrong.push(format!("{place}: the example {example} is wrong: {error}"));
            }
        }
    });
    assert!(count > 80, "only {count} properties were found: is the test looking?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn shipped_probes_are_valid() {
    let validator = validator();
    let files = yaml_files(&root().join("probes.d"));
    assert!(files.len() >= 6, "only {} probes were found", files.len());
    for file in files {
        let errors: Vec<String> = validator
            .iter_errors(&document(&file))
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}:\n{}", file.display(), errors.join("\n"));
    }
}

/// Codes of what a schema can see. It doesn't see what the YAML reader refuses before: a key that stands
/// twice, anchors, tabs.
const WRONG_SHAPE: [&str; 4] = ["empty-first-of", "shape", "unknown-field", "version"];

#[test]
fn files_of_the_wrong_shape_are_invalid() {
    let validator = validator();
    let mut count = 0;
    for code in WRONG_SHAPE {
        for file in yaml_files(&root().join("tests/ui").join(code)) {
            count += 1;
            assert!(!validator.is_valid(&document(&file)), "{} is valid", file.display());
        }
    }
    assert!(count >= 8, "only {count} fixtures were found: is the test looking?");
}

/// Whatever is read into the language's types is valid by the schema: every fixture that the language
/// reads, which are those that are wrong by their meaning.
#[test]
fn what_the_language_reads_is_valid() {
    let validator = validator();
    let mut count = 0;
    for entry in fs::read_dir(root().join("tests/ui")).expect("the directory is readable") {
        let directory = entry.expect("the directory is readable").path();
        let code = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if WRONG_SHAPE.contains(&code.as_str()) {
            continue;
        }
        for file in yaml_files(&directory) {
            let Ok(text) = fs::read_to_string(&file) else { continue };
            let source = Source { path: file.display().to_string(), text };
            if !yaml::parse(&source).mistakes.is_empty() {
                continue;
            }
            count += 1;
            let errors: Vec<String> = validator
                .iter_errors(&document(&file))
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{}:\n{}", file.display(), errors.join("\n"));
        }
    }
    assert!(count > 20, "only {count} files were found: is the test looking?");
}

#[test]
fn the_schema_is_made_from_the_types_that_are_read() {
    let schema = probe_schema();
    let title = std::any::type_name::<Spec>().rsplit("::").next();
    assert_eq!(schema["title"].as_str(), title);
    assert_eq!(schema["required"], json!(["version"]));
}
