//! Values of global variables.

use crate::model::{GlobalId, GlobalSetting};
use crate::object::Global;
use crate::resolve::binder::Binder;
use crate::resolve::encode::{Codes, Place, encode, texts};
use crate::spec::values::{Entries, Globals};
use crate::text::codes::Code;
use crate::text::diagnostic::Diagnostic;
use crate::text::source::{At, Span};

/// Binds `globals`.
pub fn bind(globals: &Entries<At<Globals>>, binder: &mut Binder<'_>) -> Vec<GlobalSetting> {
    let mut bound: Vec<(GlobalSetting, Span)> = Vec::new();
    for (index, (name, value)) in globals.0.iter().enumerate() {
        if binder.findings.is_full() {
            binder.findings.left_out += globals.0.len() - index;
            break;
        }
        let found = binder.global(name);
        let texts = texts(value, binder);
        let (Some(GlobalId { object, global: index }), Some(texts)) = (found, texts) else {
            continue;
        };
        let global = &binder.objects[object].file.inventory.globals[index];
        let earlier = |setting: &&(GlobalSetting, Span)| {
            setting.0.object == object && setting.0.global == index
        };
        if let Some((_, first)) = bound.iter().find(earlier) {
            binder.findings.push(set_twice(global, name.span, *first));
            continue;
        }
        match encode(&place(global), &texts) {
            Ok(stored) => {
                let setting = GlobalSetting { object, global: index, value: value.with(stored) };
                bound.push((setting, name.span));
            }
            Err(diagnostic) => binder.findings.push(*diagnostic),
        }
    }
    bound.into_iter().map(|(setting, _)| setting).collect()
}

/// `name` and `alias/name` are one variable.
fn set_twice(global: &Global, again: Span, first: Span) -> Diagnostic {
    Diagnostic::error(Code::DuplicateKey, again, format!("`{}` is set twice", global.name))
        .label("the second one")
        .other(first, "set here first")
        .help("keep one of them")
}

fn place(global: &Global) -> Place<'_> {
    Place {
        name: &global.name,
        layout: global.layout.as_ref(),
        size: global.size,
        described: described(global),
        codes: Codes { mistyped: Code::GlobalType, out_of_range: Code::GlobalRange },
    }
}

/// The variable's type and size, as the second place to look at.
fn described(global: &Global) -> String {
    let kind = match &global.layout {
        Some(layout) => layout.to_string(),
        None => "of unknown type".to_owned(),
    };
    let size =
        if global.size == 1 { "1 byte".to_owned() } else { format!("{} bytes", global.size) };
    format!("in the object: `{}` in {}, {kind}, {size}", global.name, global.section)
}
