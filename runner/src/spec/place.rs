//! Where something stands in a probe file: the keys that lead to it, and what the schema shows as an
//! example of it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::spec::{schema, yaml};
use crate::text::source::{At, Source};

/// Larger files get no examples: what is wrong there was hardly written by hand, and looking takes memory.
const LARGEST: usize = 64 << 10;

/// A step on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Item,
}

/// The way to a value, from the top.
#[derive(Debug, Default)]
pub struct Place(Vec<Step>);

impl Place {
    /// The place of what begins at an offset, or of what is around it. The top of the file if that can't be told.
    pub fn of(source: &Source, offset: usize) -> Place {
        if source.text.len() > LARGEST {
            return Place::default();
        }
        let mut way = Vec::new();
        if let Some(tree) = yaml::read::<At<Node>>(source) {
            tree.value.lead(offset, &mut way);
        }
        Place(way)
    }

    /// The key whose value it is; none for the file as a whole.
    pub fn key(&self) -> Option<&str> {
        match self.0.last()? {
            Step::Key(key) => Some(key),
            Step::Item => None,
        }
    }

    /// An example of the nearest thing around it for which the schema has one, as YAML.
    pub fn example(&self) -> Option<String> {
        let schema = schema::of_probe_files();
        let schema = schema.as_value();
        let mut here = schema;
        let mut found = None;
        for step in &self.0 {
            let Some(next) = inside(schema, here, step) else { break };
            if let Step::Key(key) = step
                && let Some(value) = example(schema, next).or_else(|| of_choice(schema, here, key))
            {
                found = Some((key, value));
            }
            here = next;
        }
        found.map(|(key, value)| format!("{key}: {}", flow(&value)))
    }
}

/// YAML with positions and nothing else. A scalar's text doesn't matter here.
enum Node {
    Scalar,
    Mapping(Vec<(At<String>, At<Node>)>),
    List(Vec<At<Node>>),
}

impl Node {
    fn lead(&self, offset: usize, way: &mut Vec<Step>) {
        // Where a mapping ends isn't known, so it is the last that begins before.
        let inner = match self {
            Node::Scalar => None,
            Node::Mapping(entries) => {
                let last = entries.iter().rev().find(|(key, _)| key.span.start <= offset);
                last.map(|(key, value)| (Step::Key(key.value.clone()), value))
            }
            Node::List(items) => {
                let last = items.iter().rev().find(|item| item.span.start <= offset);
                last.map(|item| (Step::Item, item))
            }
        };
        if let Some((step, node)) = inner {
            way.push(step);
            node.value.lead(offset, way);
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Mapping(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }
}

/// The schema of what stands one step further in.
fn inside<'s>(root: &'s Value, here: &'s Value, step: &Step) -> Option<&'s Value> {
    let here = resolved(root, here);
    let direct = match step {
        Step::Key(key) => here.pointer("/properties").and_then(|all| all.get(key)).or_else(|| {
            // Names that the user gives.
            here.get("additionalProperties").filter(|rest| rest.is_object())
        }),
        Step::Item => here.get("items"),
    };
    direct.or_else(|| choices(here).find_map(|choice| inside(root, choice, step)))
}

/// The first example, or one put together of what is required.
fn example(root: &Value, here: &Value) -> Option<Value> {
    if let Some(first) = here.pointer("/examples/0") {
        return Some(first.clone());
    }
    let here = resolved(root, here);
    if let Some(first) = here.pointer("/examples/0") {
        return Some(first.clone());
    }
    let required = here.get("required")?.as_array()?;
    let fields = required.iter().map(|name| {
        let name = name.as_str()?;
        Some((name.to_owned(), example(root, here.get("properties")?.get(name)?)?))
    });
    Some(Value::Object(fields.collect::<Option<Map<_, _>>>()?))
}

/// What the example of a choice has for its only key.
fn of_choice(root: &Value, here: &Value, key: &str) -> Option<Value> {
    choices(resolved(root, here)).find_map(|choice| {
        let own = choice.pointer("/examples/0").and_then(|example| example.get(key));
        own.cloned().or_else(|| of_choice(root, choice, key))
    })
}

fn choices(here: &Value) -> impl Iterator<Item = &Value> {
    let lists =
        ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|name| here.get(name)?.as_array());
    lists.flatten()
}

fn resolved<'s>(root: &'s Value, here: &'s Value) -> &'s Value {
    let target = here.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
    target.and_then(|path| root.pointer(path)).unwrap_or(here)
}

/// YAML in one line.
fn flow(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| format!("{key}: {}", flow(value)));
            format!("{{ {} }}", joined(fields.collect()))
        }
        Value::Array(items) => format!("[{}]", joined(items.iter().map(flow).collect())),
        Value::String(text) if is_plain(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether a text needs no quotes, wherever it stands. Some that would do without have them.
fn is_plain(text: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || "_./ -".contains(c);
    text.starts_with(char::is_alphabetic) && text.chars().all(is_word)
}

#[cfg(test)]
mod tests {
    use super::Place;
    use crate::text::source::Source;

    fn place(text: &str) -> Place {
        let (before, after) = text.split_once('^').expect("the place is marked");
        let source = Source { path: "x.yaml".into(), text: format!("{before}{after}") };
        Place::of(&source, before.len())
    }

    #[test]
    fn examples_are_of_what_stands_there() {
        let cases = [
            (
                "attach: ^kprobe",
                "attach: [{ raw_tracepoint: { name: sys_enter, program: dispatch } }]",
            ),
            ("attach:\n  - kprobe: ^x\n", "kprobe: { function: do_sys_openat2, program: hello }"),
            ("read: { counts: { columns: { nr: { as: ^[x] } } } }", "as: syscall"),
            ("read: { counts: { top: 1, sort: ^[x] }, more: {} }", "sort: calls desc"),
            (
                "read: { a: { columns: { b: { as: { static: ^1 } } } } }",
                "static: { 0: none, 1: some }",
            ),
            ("maps: { version: { max_entries: ^[] } }", "max_entries: 4096"),
        ];
        for (text, example) in cases {
            assert_eq!(place(text).example().as_deref(), Some(example), "{text}");
        }
    }

    #[test]
    fn keys_are_those_that_were_written() {
        assert_eq!(place("read:\n  counts: ^x\n").key(), Some("counts"));
        assert_eq!(place("attach: [ ^x ]").key(), None);
        assert_eq!(place("^x").key(), None);
    }
}
