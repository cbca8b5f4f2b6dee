//! Whether what a view says means something for its map.

use crate::model::{Model, View};
use crate::object::{Map, MapType};
use crate::read::Columns;
use crate::rules::checked::view_of;
use crate::rules::views;
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use crate::text::suggest::{listed, nearest};
use crate::text::template::Scope;

/// How many names a message lists.
const LISTED: usize = 16;

/// Applies this family's rules.
pub fn check(model: &Model, findings: &mut Findings) {
    for view in &model.views {
        let map = model.map(view.map.value);
        let is_events = map.map_type.holds_records();
        limits_are_of_records(view, map, is_events, findings);
        cpus_have_values(view, map, findings);
        entries_can_be_taken(view, map, findings);
        if is_events {
            rows_are_not_records(view, map, findings);
            line_names_columns(model, view, map, findings);
        } else {
            lines_are_of_records(view, map, findings);
        }
    }
}

/// Records come one by one: there are no rows to sort or to cut off, and no counters among them.
fn rows_are_not_records(view: &View, map: &Map, findings: &mut Findings) {
    let sort = view.sort.as_ref().map(|sort| ("sort", sort.span));
    let top = view.top.as_ref().map(|top| ("top", top.span));
    let plot = view.plot.as_ref().map(|plot| ("plot", plot.span));
    let group = view.group.first().map(|group| ("group", group.span));
    for (field, span) in sort.into_iter().chain(top).chain(plot).chain(group) {
        findings.push(
            Diagnostic::warning(
                Code::UselessField,
                span,
                format!("`{}` holds records, which are shown as they come", map.name),
            )
            .label(format!("`{field}` changes nothing"))
            .help(format!("remove `{field}`")),
        );
    }
}

/// Only records come faster than somebody wants to see them.
fn limits_are_of_records(view: &View, map: &Map, is_events: bool, findings: &mut Findings) {
    if is_events {
        return;
    }
    let limit = view.limit.as_ref().map(|limit| ("limit", limit.span));
    let sample = view.sample.as_ref().map(|sample| ("sample", sample.span));
    for (field, span) in limit.into_iter().chain(sample) {
        findings.push(
            Diagnostic::warning(
                Code::UselessField,
                span,
                format!("`{}` is shown as a table, not record by record", map.name),
            )
            .label(format!("`{field}` changes nothing"))
            .help(format!("remove `{field}`; `top` says how many rows a table shows")),
        );
    }
}

/// Only per-CPU maps have a value for each CPU.
fn cpus_have_values(view: &View, map: &Map, findings: &mut Findings) {
    if !view.by_cpu || map.map_type.is_per_cpu() {
        return;
    }
    findings.push(
        Diagnostic::warning(
            Code::UselessField,
            view.map.span,
            format!("`{}` has one value for all CPUs", map.name),
        )
        .label(format!("a {} map", map.map_type))
        .help("remove `by_cpu`, or make it a per-CPU map"),
    );
}

/// Entries are taken out of hashes, queues and stacks: those of arrays stay, and the others have no call that
/// gives a value and removes it at once.
fn entries_can_be_taken(view: &View, map: &Map, findings: &mut Findings) {
    let Some(reset) = view.reset.as_ref().filter(|reset| reset.value) else { return };
    let holds_a_line = matches!(map.map_type, MapType::QUEUE | MapType::STACK);
    if map.map_type.is_hash() || holds_a_line {
        return;
    }
    findings.push(
        Diagnostic::error(
            Code::InvalidValue,
            reset.span,
            format!("the entries of `{}` can't be taken out", map.name),
        )
        .label(format!("a {} map; `reset` takes a hash, a queue or a stack", map.map_type))
        .help("remove `reset`; `read --every` with `kind: counter` shows what came since the reading before"),
    );
}

/// Only records are shown as lines.
fn lines_are_of_records(view: &View, map: &Map, findings: &mut Findings) {
    let Some(line) = &view.line else { return };
    findings.push(
        Diagnostic::warning(
            Code::UselessField,
            line.span,
            format!("`{}` is shown as a table, not as lines", map.name),
        )
        .label(format!("a {} map holds entries, not records", map.map_type))
        .help("remove `line`; `columns` says how a table looks"),
    );
}

/// A line's template names columns, and of decoded ones the raw value.
fn line_names_columns(model: &Model, view: &View, map: &Map, findings: &mut Findings) {
    let Some(line) = &view.line else { return };
    let Some((key, value)) = views::types(model, view, map) else { return };
    // A view that doesn't fit its map was reported already.
    let Ok(columns) = Columns::new(key, value, Some(&view_of(model, view))) else { return };
    let Ok(used) = Scope::names_used(&line.value) else { return };
    let known: Vec<String> = columns.json_names();
    for name in used.iter().filter(|name| !known.contains(name)) {
        let names = || known.iter().map(String::as_str);
        findings.push(
            Diagnostic::error(
                Code::UnknownColumn,
                line.span,
                format!("`{}` has no column `{name}` for its lines", map.name),
            )
            .did_you_mean(renamed(&columns, name).or_else(|| nearest(name, names())))
            .help(format!("columns there are: {}", listed(names(), LISTED))),
        );
    }
}

/// The heading under which a field is shown, if it was given another one.
fn renamed<'a>(columns: &'a Columns, field: &str) -> Option<&'a str> {
    let column = columns.shown.iter().find(|column| column.field == field)?;
    Some(&column.name)
}
