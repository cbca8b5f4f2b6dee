//! Types that a file writes out, for maps whose object says nothing of theirs.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::json;

use crate::spec::values::Entries;
use crate::text::source::At;

/// The types of a map's entries, or of a ring buffer's records.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LayoutSpec {
    /// The key's type.
    #[schemars(example = json!({ "pid": "u32", "comm": "char[16]" }))]
    pub key: Option<At<TypeSpec>>,
    /// The value's type.
    #[schemars(example = &"u64")]
    pub value: Option<At<TypeSpec>>,
    /// For ring buffers and perf buffers: a record's type.
    #[schemars(example = json!({ "time_ns": "u64", "pid": "u32" }))]
    pub record: Option<At<TypeSpec>>,
    /// Fields lie one behind the other without gaps, as with `__attribute__((packed))` in C or `#[repr(packed)]` in Rust. Without
    /// it each begins at a multiple of its size.
    #[serde(default)]
    #[schemars(example = true)]
    pub packed: bool,
}

/// `u32`, `char[16]`, or fields by name in their order.
#[derive(Clone, Debug)]
pub enum TypeSpec {
    /// A number, a character, or an array of them.
    Named(String),
    /// A structure.
    Struct(Entries<At<TypeSpec>>),
}

impl<'de> Deserialize<'de> for TypeSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TypeSpec, D::Error> {
        struct TypeVisitor;

        impl<'de> Visitor<'de> for TypeVisitor {
            type Value = TypeSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a type such as `u32` or `char[16]`, or fields and their types")
            }

            fn visit_str<E>(self, value: &str) -> Result<TypeSpec, E> {
                Ok(TypeSpec::Named(value.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TypeSpec, A::Error> {
                let mut fields = Entries::default();
                while let Some(field) = map.next_entry()? {
                    fields.0.push(field);
                }
                Ok(TypeSpec::Struct(fields))
            }
        }

        deserializer.deserialize_any(TypeVisitor)
    }
}

impl JsonSchema for TypeSpec {
    fn schema_name() -> Cow<'static, str> {
        "TypeSpec".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let fields = generator.subschema_for::<Entries<At<TypeSpec>>>();
        json_schema!({
            "description": "A type such as `u32` or `char[16]`, or fields and their types, in their order.",
            "anyOf": [{ "type": "string" }, fields],
        })
    }
}
