//! A map's attributes as libbpf's macros write them into types.
//!
//! A map of `.maps` is a structure that nobody reads at run time. `__uint(max_entries, 16)` is a
//! member `int (*max_entries)[16]`: the number is an array's length. `__type(key, __u32)` is a
//! member `__u32 *key`. `__array(values, T)` is a flexible array at the end.

use super::map_type::MapType;
use crate::btf::{Btf, Shape, TypeId, size_of};

/// What a map's structure says.
#[derive(Default)]
pub(super) struct Attributes {
    pub(super) map_type: Option<MapType>,
    pub(super) key: Option<TypeId>,
    pub(super) value: Option<TypeId>,
    pub(super) key_size: u32,
    pub(super) value_size: u32,
    pub(super) max_entries: u32,
    pub(super) flags: u32,
    pub(super) pinning: u32,
    pub(super) numa_node: Option<u32>,
    pub(super) extra: u64,
    /// Offset of `values` in bytes: what the object itself puts into the map.
    pub(super) values: Option<u32>,
    /// The structure that `values` point to: an inner map's definition.
    pub(super) inner: Option<TypeId>,
}

impl Attributes {
    /// Reads a map's structure; the error names what can't be understood.
    pub(super) fn read(btf: &Btf, ty: TypeId) -> Result<Attributes, String> {
        let Shape::Struct(definition) = btf.ty(ty).behind_aliases().shape() else {
            return Err("its definition is not a structure".to_owned());
        };
        let mut attributes = Attributes::default();
        for member in definition.members() {
            let number = || {
                number(btf, member.ty)
                    .ok_or_else(|| format!("its `{}` is not written by `__uint`", member.name))
            };
            let pointee = || {
                pointee(btf, member.ty)
                    .ok_or_else(|| format!("its `{}` is not written by `__type`", member.name))
            };
            match member.name {
                "type" => attributes.map_type = Some(MapType(number()?)),
                "key" => attributes.key = Some(pointee()?),
                "value" => attributes.value = Some(pointee()?),
                "key_size" => attributes.key_size = number()?,
                "value_size" => attributes.value_size = number()?,
                "max_entries" => attributes.max_entries = number()?,
                "map_flags" => attributes.flags = number()?,
                "pinning" => attributes.pinning = number()?,
                "numa_node" => attributes.numa_node = Some(number()?),
                "map_extra" => attributes.extra = number()?.into(),
                "values" => {
                    attributes.values = Some(member.bit_offset / 8);
                    attributes.inner = inner(btf, member.ty);
                }
                // What libbpf may add.
                _ => {}
            }
        }
        attributes.fill_sizes(btf);
        Ok(attributes)
    }

    /// Types give the sizes; maps that hold programs or maps hold 4-byte descriptors.
    fn fill_sizes(&mut self, btf: &Btf) {
        if let Some(key) = self.key {
            self.key_size = size_of(btf, key);
        }
        if let Some(value) = self.value {
            self.value_size = size_of(btf, value);
        }
        if self.values.is_some() && self.value_size == 0 {
            self.value_size = 4;
        }
    }
}

/// The length of the array that a member points to.
fn number(btf: &Btf, member: TypeId) -> Option<u32> {
    let array = btf.ty(pointee(btf, member)?).behind_aliases();
    match array.shape() {
        Shape::Array(array) => Some(array.len),
        _ => None,
    }
}

/// The structure that the elements of `values` point to; none where they are functions.
fn inner(btf: &Btf, member: TypeId) -> Option<TypeId> {
    let Shape::Array(array) = btf.ty(member).behind_aliases().shape() else {
        return None;
    };
    let to = pointee(btf, array.element)?;
    matches!(btf.ty(to).behind_aliases().shape(), Shape::Struct(_)).then_some(to)
}

fn pointee(btf: &Btf, member: TypeId) -> Option<TypeId> {
    match btf.ty(member).behind_aliases().shape() {
        Shape::Pointer(to) => Some(to),
        _ => None,
    }
}
