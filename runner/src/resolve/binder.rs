//! What every part of binding needs: rendered text, numbers, and names of programs and maps.

use crate::model::{GlobalId, MapId, Object, ProgramId};
use crate::object::Inventory;
use crate::resolve::number;
use crate::spec::values::Scalar;
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use crate::text::source::At;
use crate::text::suggest::{listed, nearest};
use crate::text::template::Scope;

/// How many names a message lists.
const LISTED: usize = 12;

/// The state of binding one file.
pub struct Binder<'a> {
    /// Variables.
    pub scope: &'a Scope,
    /// The probe's objects.
    pub objects: &'a [Object],
    /// Where mistakes go.
    pub findings: &'a mut Findings,
}

impl Binder<'_> {
    /// Renders a scalar's template.
    pub fn render(scope: &Scope, text: &At<Scalar>, findings: &mut Findings) -> Option<At<String>> {
        match scope.render(&text.value.0) {
            Ok(rendered) => Some(text.with(rendered)),
            Err(error) => {
                let names = || error.in_scope.iter().map(String::as_str);
                let meant = error.undefined.as_deref().and_then(|name| nearest(name, names()));
                let mut diagnostic =
                    Diagnostic::error(Code::Template, text.span, "the template can't be rendered")
                        .label(&error.message)
                        .did_you_mean(meant);
                if let Some(declared) = meant.and_then(|name| scope.declared(name)) {
                    diagnostic = diagnostic.other(declared, "this variable there is");
                }
                let in_scope = format!("in scope: {}", listed(names(), LISTED));
                findings.push(diagnostic.help(in_scope));
                None
            }
        }
    }

    /// A scalar's text, its template rendered.
    pub fn text(&mut self, text: &At<Scalar>) -> Option<At<String>> {
        Binder::render(self.scope, text, self.findings)
    }

    /// A scalar as an unsigned number.
    pub fn number<T: TryFrom<i128>>(&mut self, text: &At<Scalar>) -> Option<At<T>> {
        let rendered = self.text(text)?;
        let number = number::parse(&rendered.value).and_then(|number| T::try_from(number).ok());
        if number.is_none() {
            let bits = 8 * size_of::<T>();
            self.findings.push(
                Diagnostic::error(
                    Code::InvalidValue,
                    text.span,
                    format!("`{}` is not a whole number of {bits} bits", rendered.value),
                )
                .help("write it in decimal, or as 0x…, 0o… or 0b…"),
            );
        }
        number.map(|number| text.with(number))
    }

    /// The program of a name, `program` or `alias/program`.
    pub fn program(&mut self, text: &At<Scalar>) -> Option<At<ProgramId>> {
        let name = self.text(text)?;
        let find = |inventory: &Inventory, name: &str| {
            inventory.programs.iter().position(|program| program.name == name)
        };
        let (object, program) =
            self.find(&name, Code::UnknownProgram, "program", find, |inventory| {
                inventory.programs.iter().map(|program| program.name.as_str()).collect()
            })?;
        Some(name.with(ProgramId { object, program }))
    }

    /// The variable of a name, `variable` or `alias/variable`.
    pub fn global(&mut self, name: &At<String>) -> Option<GlobalId> {
        let find = |inventory: &Inventory, name: &str| {
            inventory.globals.iter().position(|global| global.name == name)
        };
        let (object, global) =
            self.find(name, Code::UnknownGlobal, "global", find, |inventory| {
                inventory.globals.iter().map(|global| global.name.as_str()).collect()
            })?;
        Some(GlobalId { object, global })
    }

    /// The map of a name. Maps of one name are one map, so an alias is not needed.
    pub fn map(&mut self, name: &At<String>) -> Option<MapId> {
        let found = self.objects.iter().enumerate().find_map(|(object, bound)| {
            let maps = &bound.file.inventory.maps;
            let map = maps.iter().position(|map| map.name == name.value)?;
            Some(MapId { object, map })
        });
        if found.is_none() && !self.objects.is_empty() {
            let names: Vec<&str> = self
                .objects
                .iter()
                .flat_map(|object| &object.file.inventory.maps)
                .map(|map| map.name.as_str())
                .collect();
            self.unknown(Code::UnknownMap, "map", name, &name.value, names);
        }
        found
    }

    /// Finds a thing by `name` or `alias/name` in the objects: indices of object and thing.
    pub fn find(
        &mut self,
        name: &At<String>,
        code: Code,
        what: &str,
        position: impl Fn(&Inventory, &str) -> Option<usize>,
        names: impl Fn(&Inventory) -> Vec<&str>,
    ) -> Option<(usize, usize)> {
        // Without objects everything is unknown, and that there are none was said already.
        if self.objects.is_empty() {
            return None;
        }
        let (alias, thing) = match name.value.split_once('/') {
            Some((alias, thing)) => (Some(alias), thing),
            None => (None, name.value.as_str()),
        };
        if let Some(alias) = alias
            && !self.objects.iter().any(|object| object.alias.value == alias)
        {
            let aliases = || self.objects.iter().map(|object| object.alias.value.as_str());
            let diagnostic = Diagnostic::error(
                Code::UnknownObject,
                name.span,
                format!("no object is called `{alias}`"),
            )
            .did_you_mean(nearest(alias, aliases()))
            .help(format!("objects of this probe: {}", listed(aliases(), LISTED)));
            self.findings.push(diagnostic);
            return None;
        }
        let searched = || {
            self.objects
                .iter()
                .enumerate()
                .filter(|(_, o)| alias.is_none_or(|a| o.alias.value == a))
        };
        let found: Vec<(usize, usize)> = searched()
            .filter_map(|(i, o)| position(&o.file.inventory, thing).map(|thing| (i, thing)))
            .collect();
        match found[..] {
            [one] => Some(one),
            [] => {
                let names = searched().flat_map(|(_, o)| names(&o.file.inventory)).collect();
                self.unknown(code, what, name, thing, names);
                None
            }
            _ => {
                let choices: Vec<String> = found
                    .iter()
                    .map(|(object, _)| format!("{}/{thing}", self.objects[*object].alias.value))
                    .collect();
                self.findings.push(
                    Diagnostic::error(
                        Code::Ambiguous,
                        name.span,
                        format!("several objects have a {what} `{thing}`"),
                    )
                    .help(format!(
                        "say which: {}",
                        listed(choices.iter().map(String::as_str), LISTED)
                    )),
                );
                None
            }
        }
    }

    fn unknown(
        &mut self,
        code: Code,
        what: &str,
        name: &At<String>,
        thing: &str,
        names: Vec<&str>,
    ) {
        let origins = self.objects.iter().map(|object| object.file.origin.as_str());
        let diagnostic =
            Diagnostic::error(code, name.span, format!("there is no {what} `{thing}`"))
                .label(format!("not in {}", listed(origins, 3)))
                .did_you_mean(nearest(thing, names.iter().copied()))
                .help(format!("{what}s there are: {}", listed(names.iter().copied(), LISTED)));
        self.findings.push(diagnostic);
    }
}
