//! From a checked model to plain data: nothing can go wrong any more.

use crate::desired::{
    Attachment, Column, Desired, GlobalValue, Hook, MapDefinition, ObjectRef, ProgramRef, Slot,
    Sort, View, ViewLayout,
};
use crate::model::{self, DefaultSlot, Model, ProgramId};
use crate::object::store::lasting;
use crate::rules::{Checked, needs};
use std::path::Path;

/// The maps that will be made, as they will be made.
pub fn maps(model: &Model) -> Vec<MapDefinition> {
    needs::maps(model, &needs::programs(model), &slots(model, model.default_slots()), &views(model))
}

impl Checked {
    /// What should run, without positions.
    pub fn desired(&self) -> Desired {
        unproven(&self.0)
    }
}

/// What a model asks for, whether the rules find it right or not. Who means to run it takes
/// [`Checked::desired`]; this is for tests, which show that kernels refuse what the rules refuse.
pub fn unproven(model: &Model) -> Desired {
    let (programs, slots, views) =
        (needs::programs(model), slots(model, model.default_slots()), views(model));
    Desired {
        probe: model.name.value.clone(),
        file: lasting(Path::new(&model.file)).display().to_string(),
        description: model.description.clone(),
        objects: model.objects.iter().map(object).collect(),
        globals: globals(model),
        maps: needs::maps(model, &programs, &slots, &views),
        migrate: needs::migrated(model),
        sections: needs::sections(model),
        programs,
        attach: model.attach.iter().map(|one| attachment(model, one)).collect(),
        generations: needs::generations(model),
        slots,
        views,
    }
}

fn object(object: &model::Object) -> ObjectRef {
    ObjectRef {
        alias: object.alias.value.clone(),
        origin: object.file.lasting_origin(),
        sha256: object.file.sha256.clone(),
    }
}

/// A program by object and name.
pub(super) fn program(model: &Model, id: ProgramId) -> ProgramRef {
    ProgramRef {
        object: model.objects[id.object].alias.value.clone(),
        name: model.program(id).name.clone(),
    }
}

/// The file's variables, and for PROG_ARRAYs of which all slots change at once how many a half has.
fn globals(model: &Model) -> Vec<GlobalValue> {
    let set = model.globals.iter().map(|setting| global(model, setting));
    set.chain(needs::half_sizes(model)).collect()
}

fn global(model: &Model, setting: &model::GlobalSetting) -> GlobalValue {
    GlobalValue {
        object: model.objects[setting.object].alias.value.clone(),
        name: model.global(setting).name.clone(),
        value: setting.value.value.clone(),
    }
}

fn attachment(model: &Model, attachment: &model::Attachment) -> Attachment {
    let hook = |hook: &model::Hook| Hook {
        kind: hook.kind.value,
        target: hook.target.value.clone(),
        offset: hook.offset,
        details: hook.details.clone(),
        cookie: hook.cookie,
        program: program(model, hook.program.value),
        return_program: hook.return_program.as_ref().map(|id| program(model, id.value)),
    };
    Attachment {
        alternatives: attachment.alternatives.iter().map(hook).collect(),
        on_missing: attachment.on_missing,
    }
}

/// The slots of the file, and those that objects fill by themselves.
pub(super) fn slots(model: &Model, defaults: Vec<DefaultSlot>) -> Vec<Slot> {
    let mut slots = Vec::new();
    for table in &model.tail_calls {
        let map = &model.map(table.map.value).name;
        for entry in &table.slots {
            for index in entry.indices.value.iter().flat_map(Clone::clone) {
                let program = program(model, entry.program.value);
                slots.push(Slot { map: map.clone(), index, program });
            }
        }
    }
    slots.extend(defaults.into_iter().map(|slot| Slot {
        map: slot.map,
        index: slot.index,
        program: program(model, slot.program),
    }));
    // Tables stay in the order of the file, those that are not in it come last.
    let mut order: Vec<String> = Vec::new();
    for slot in &slots {
        if !order.contains(&slot.map) {
            order.push(slot.map.clone());
        }
    }
    slots.sort_by_key(|slot| (order.iter().position(|map| *map == slot.map), slot.index));
    slots
}

/// The views of the file; without any, one for each map that holds entries.
fn views(model: &Model) -> Vec<View> {
    if !model.views.is_empty() {
        return model.views.iter().map(|view| view_of(model, view)).collect();
    }
    let mut views: Vec<View> = Vec::new();
    for map in model.objects.iter().flat_map(|object| &object.file.inventory.maps) {
        if map.has_entries() && !views.iter().any(|view| view.map == map.name) {
            views.push(View::plain(&map.name));
        }
    }
    views
}

/// A view as data.
pub fn view_of(model: &Model, view: &model::View) -> View {
    let column = |column: &model::ColumnView| Column {
        field: column.field.value.clone(),
        name: column.name.clone(),
        decoder: column.decoder.as_ref().map(|decoder| decoder.value.clone()),
        hide: column.hide,
        kind: column.kind.as_ref().map(|kind| kind.value),
        description: column.description.clone(),
    };
    View {
        map: model.map(view.map.value).name.clone(),
        record: view.record.as_ref().map(|record| record.value.clone()),
        layout: view.layout.as_ref().map(|layout| match layout {
            model::ViewLayout::Entries { key, value } => {
                ViewLayout::Entries(key.as_ref().map(|key| key.value.clone()), value.value.clone())
            }
            model::ViewLayout::Records(record) => ViewLayout::Records(record.value.clone()),
        }),
        columns: view.columns.iter().map(column).collect(),
        sort: view
            .sort
            .as_ref()
            .map(|sort| Sort { column: sort.value.0.clone(), descending: sort.value.1 }),
        top: view.top.as_ref().map(|top| top.value as usize),
        loss: view.loss,
        line: view.line.as_ref().map(|line| line.value.clone()),
        group: view.group.iter().map(|field| field.value.clone()).collect(),
        by_cpu: view.by_cpu,
        plot: view.plot.as_ref().map(|plot| plot.value.clone()),
        reset: view.reset.as_ref().is_some_and(|reset| reset.value),
        limit: view.limit.as_ref().map(|limit| limit.value),
        sample: view.sample.as_ref().map(|sample| sample.value),
    }
}
