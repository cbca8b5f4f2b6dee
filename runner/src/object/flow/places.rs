//! What lies on a function's stack: values by the place that they were stored to.

use std::ops::Range;

use super::value::Value;

/// The stack, as offsets from the frame pointer (`MAX_BPF_STACK`).
const STACK: Range<i32> = -512..0;

/// Places that were written, by ascending offset, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places(Vec<Place>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// From the frame pointer.
    offset: i32,
    /// Bytes.
    size: u8,
    value: Value,
}

impl Places {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What a load gives.
    pub(super) fn load(&self, offset: i32, size: u8) -> Value {
        if let Some(place) = self.at(offset)
            && place.size == size
        {
            return place.value;
        }
        // A helper may have written it; but if it was a constant in part it may be one in whole.
        let parts = self.0.iter().filter(|place| place.overlaps(offset, size));
        parts.map(|place| place.value.vague()).reduce(Value::join).unwrap_or(Value::Runtime)
    }

    pub(super) fn store(&mut self, offset: i32, size: u8, value: Value) {
        if !STACK.contains(&offset) {
            return;
        }
        // Halves of pointers are none.
        let mut value = if size == 8 { value } else { value.vague() };
        for place in self.0.iter_mut().filter(|place| place.overlaps(offset, size)) {
            if place.offset != offset {
                place.value = place.value.vague();
            } else if place.size > size {
                // What is left of it is not kept apart.
                value = value.vague().join(place.value.vague());
            }
        }
        let place = Place { offset, size, value };
        match self.0.binary_search_by_key(&offset, |place| place.offset) {
            Ok(index) => self.0[index] = place,
            Err(index) => self.0.insert(index, place),
        }
    }

    /// Something unknown wrote to the stack.
    pub(super) fn forget(&mut self) {
        self.0.iter_mut().for_each(|place| place.value = Value::LoadTime);
    }

    /// Bytes from an offset on that come from `bpf_get_current_pid_tgid`.
    pub(super) fn pid_bytes(&self, begin: i32) -> u32 {
        let mut end = begin;
        while let Some(place) = self.at(end).filter(|place| place.value == Value::CurrentPid) {
            end += i32::from(place.size);
        }
        (end - begin).cast_unsigned()
    }

    /// What holds on both ways.
    pub(super) fn join(&self, other: &Places) -> Places {
        let mut joined: Vec<Place> = self
            .0
            .iter()
            .map(|place| match other.at(place.offset) {
                Some(other) => place.join(other),
                None => place.on_one_way(),
            })
            .collect();
        let missing = other.0.iter().filter(|place| self.at(place.offset).is_none());
        joined.extend(missing.map(Place::on_one_way));
        joined.sort_unstable_by_key(|place| place.offset);
        Places(joined)
    }

    fn at(&self, offset: i32) -> Option<&Place> {
        let found = self.0.binary_search_by_key(&offset, |place| place.offset);
        found.ok().map(|index| &self.0[index])
    }
}

impl Place {
    fn overlaps(&self, offset: i32, size: u8) -> bool {
        self.offset < offset.saturating_add(size.into())
            && offset < self.offset.saturating_add(self.size.into())
    }

    fn join(&self, other: &Place) -> Place {
        let value = self.value.join(other.value);
        let value = if self.size == other.size { value } else { value.vague() };
        Place { offset: self.offset, size: self.size.max(other.size), value }
    }

    /// On the other way it is what nobody wrote, or a helper did.
    fn on_one_way(&self) -> Place {
        Place { value: self.value.vague().join(Value::Runtime), ..*self }
    }
}
