//! The values that the language's types are made of, and how serde and the schema see them.

use crate::spec::probe_test::{ArgumentSpec, MemorySpec};
use crate::spec::shape::{GenerationTable, ObjectFile, ObjectSpec, TableSpec};
use crate::text::source::At;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// A scalar's text, before templates are rendered and before it is given a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar(pub String);

/// A mapping in the order of the file, with the position of each key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries<V>(pub Vec<(At<String>, V)>);

/// A global variable's value: one scalar, or one for each element of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Globals {
    /// A number, a boolean, text, an address, a duration.
    One(Scalar),
    /// The elements of an array.
    Many(Vec<At<Scalar>>),
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Scalar, D::Error> {
        String::deserialize(deserializer).map(Scalar)
    }
}

impl JsonSchema for Scalar {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

impl<V> Default for Entries<V> {
    fn default() -> Entries<V> {
        Entries(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entries<V>, D::Error> {
        struct EntriesVisitor<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for EntriesVisitor<V> {
            type Value = Entries<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<V>, A::Error> {
                let mut entries = Vec::new();
                while let Some((key, value)) = map.next_entry::<At<String>, V>()? {
                    entries.push((key, value));
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

impl<V: JsonSchema> JsonSchema for Entries<V> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Entries_of_{}", V::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<V>();
        json_schema!({ "type": "object", "additionalProperties": value })
    }
}

impl<'de> Deserialize<'de> for Globals {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Globals, D::Error> {
        struct GlobalsVisitor;

        impl<'de> Visitor<'de> for GlobalsVisitor {
            type Value = Globals;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a scalar or a list of scalars")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Globals, E> {
                Ok(Globals::One(Scalar(value.to_string())))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Globals, E> {
                Ok(Globals::One(Scalar(value.to_string())))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Globals, E> {
                Ok(Globals::One(Scalar(value.to_string())))
            }

            fn visit_i128<E>(self, value: i128) -> Result<Globals, E> {
                Ok(Globals::One(Scalar(value.to_string())))
            }

            fn visit_u128<E>(self, value: u128) -> Result<Globals, E> {
                Ok(Globals::One(Scalar(value.to_string())))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Globals, E> {
                Ok(Globals::One(Scalar(value.to_string())))
            }

            fn visit_str<E>(self, value: &str) -> Result<Globals, E> {
                Ok(Globals::One(Scalar(value.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Globals, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = seq.next_element()? {
                    elements.push(element);
                }
                Ok(Globals::Many(elements))
            }
        }

        deserializer.deserialize_any(GlobalsVisitor)
    }
}

impl JsonSchema for Globals {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Globals".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "number", "boolean", "array"],
            "items": { "type": ["string", "number", "boolean"] },
        })
    }
}

impl<'de> Deserialize<'de> for ObjectSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ObjectSpec, D::Error> {
        struct ObjectVisitor;

        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = ObjectSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object file's name, or `file` and `sha256`")
            }

            fn visit_str<E>(self, value: &str) -> Result<ObjectSpec, E> {
                Ok(ObjectSpec::File(Scalar(value.to_owned())))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ObjectSpec, A::Error> {
                ObjectFile::deserialize(MapAccessDeserializer::new(map)).map(ObjectSpec::Full)
            }
        }

        deserializer.deserialize_any(ObjectVisitor)
    }
}

impl JsonSchema for ObjectSpec {
    fn schema_name() -> Cow<'static, str> {
        "ObjectSpec".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let full = generator.subschema_for::<ObjectFile>();
        json_schema!({ "anyOf": [{ "type": "string" }, full] })
    }
}

impl<'de> Deserialize<'de> for TableSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TableSpec, D::Error> {
        struct TableVisitor;

        impl<'de> Visitor<'de> for TableVisitor {
            type Value = TableSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("programs by slot, or `generation` and `slots`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TableSpec, A::Error> {
                let mut table = TableSpec::default();
                // No slot is called like one of the two keys of the long form.
                while let Some(key) = map.next_key::<At<String>>()? {
                    match key.value.as_str() {
                        "generation" => table.generation = Some(map.next_value()?),
                        "slots" => {
                            let slots: Entries<At<Scalar>> = map.next_value()?;
                            table.slots.0.extend(slots.0);
                        }
                        _ => table.slots.0.push((key, map.next_value()?)),
                    }
                }
                Ok(table)
            }
        }

        deserializer.deserialize_map(TableVisitor)
    }
}

impl JsonSchema for TableSpec {
    fn schema_name() -> Cow<'static, str> {
        "TableSpec".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let slots = generator.subschema_for::<Entries<At<Scalar>>>();
        let long = generator.subschema_for::<GenerationTable>();
        json_schema!({
            "description": "Programs by slot, or `generation` and `slots`.",
            "anyOf": [slots, long],
        })
    }
}

impl<'de> Deserialize<'de> for ArgumentSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ArgumentSpec, D::Error> {
        struct ArgumentVisitor;

        impl<'de> Visitor<'de> for ArgumentVisitor {
            type Value = ArgumentSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, `text: …` or `syscall_args: […]`")
            }

            fn visit_i64<E>(self, value: i64) -> Result<ArgumentSpec, E> {
                Ok(ArgumentSpec::Number(Scalar(value.to_string())))
            }

            fn visit_u64<E>(self, value: u64) -> Result<ArgumentSpec, E> {
                Ok(ArgumentSpec::Number(Scalar(value.to_string())))
            }

            fn visit_i128<E>(self, value: i128) -> Result<ArgumentSpec, E> {
                Ok(ArgumentSpec::Number(Scalar(value.to_string())))
            }

            fn visit_u128<E>(self, value: u128) -> Result<ArgumentSpec, E> {
                Ok(ArgumentSpec::Number(Scalar(value.to_string())))
            }

            fn visit_str<E>(self, value: &str) -> Result<ArgumentSpec, E> {
                Ok(ArgumentSpec::Number(Scalar(value.to_owned())))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ArgumentSpec, A::Error> {
                MemorySpec::deserialize(MapAccessDeserializer::new(map)).map(ArgumentSpec::Address)
            }
        }

        deserializer.deserialize_any(ArgumentVisitor)
    }
}

impl JsonSchema for ArgumentSpec {
    fn schema_name() -> Cow<'static, str> {
        "ArgumentSpec".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let memory = generator.subschema_for::<MemorySpec>();
        json_schema!({ "anyOf": [{ "type": ["string", "integer"] }, memory] })
    }
}
