//! The JSON schema of probe files, made from the language's types.

use crate::spec::shape::Spec;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::{Map, Value};

/// The schema, as editors use it.
pub fn of_probe_files() -> Schema {
    SchemaSettings::default()
        .with_transform(RecursiveTransform(describe_choice))
        .into_generator()
        .into_root_schema_for::<Spec>()
}

/// A choice such as `fexit: …` is an object of one property. What is said of the choice is said of the
/// property too, since that is where editors look.
fn describe_choice(schema: &mut Schema) {
    let Some(choice) = schema.as_object_mut() else { return };
    let Some(description) = choice.get("description").cloned() else { return };
    let property = choice
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .filter(|properties| properties.len() == 1)
        .and_then(|properties| properties.values_mut().next())
        .and_then(Value::as_object_mut);
    if let Some(property) = property {
        let property: &mut Map<String, Value> = property;
        property.entry("description").or_insert(description);
    }
}
