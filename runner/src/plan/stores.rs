//! Variables that get another value while their programs run.

use crate::desired::{Desired, GlobalValue, Value};
use crate::live::Record;
use crate::plan::keep::Keep;

/// A value for a variable whose map stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// The map that holds it: `OBJECT:.SECTION`.
    pub map: String,
    /// Offset in the section, in bytes.
    pub offset: u32,
    /// The variable and its value.
    pub global: GlobalValue,
}

/// The variables that a wish gives another value than the one before, in maps that stay. One that is
/// no longer set gets its initial value.
pub fn stores(desired: &Desired, record: &Record, keep: &Keep) -> Vec<Store> {
    let before = &record.desired.globals;
    let changed = desired.globals.iter().filter(|global| !before.contains(global)).cloned();
    let is_set = |global: &GlobalValue| {
        let mut set = desired.globals.iter();
        set.any(|other| other.object == global.object && other.name == global.name)
    };
    let unset = before.iter().filter(|global| !is_set(global)).filter_map(|global| {
        let section = desired.section_of(global)?;
        let variable = section.variables.iter().find(|one| one.name == global.name)?;
        let value = Value::Bytes(variable.initial.clone()?);
        Some(GlobalValue { value, ..global.clone() })
    });
    changed.chain(unset).filter_map(|global| store(global, desired, keep)).collect()
}

fn store(global: GlobalValue, desired: &Desired, keep: &Keep) -> Option<Store> {
    let section = desired.section_of(&global)?;
    let map = section.map_name();
    if section.is_read_only() || !keep.has_map(&map) {
        return None;
    }
    let variable = section.variables.iter().find(|one| one.name == global.name)?;
    Some(Store { map, offset: variable.offset, global })
}
