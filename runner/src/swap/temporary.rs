//! Swaps for a while: which slots are to hold again what they held before, when each is over.
//!
//! They may overlap, in time and in slots. A slot that several have holds what the latest of them put there; whoever ends
//! earlier leaves it, and what it would have put back is the next one's to put back. A slot that was swapped for good
//! meanwhile belongs to none any more.

use crate::live::{Replaced, Temporary};

/// One begins; `slots` are those that it takes, with what each held before.
pub(super) fn begin(all: &mut Vec<Temporary>, at: u64, slots: Vec<Replaced>) {
    let mut temporary = Temporary { at, slots: Vec::new() };
    for slot in slots {
        // A slot that was asked for twice held only the first before.
        if !temporary.slots.iter().any(|earlier| earlier.is(&slot.map, slot.index)) {
            temporary.slots.push(slot);
        }
    }
    all.push(temporary);
}

/// These slots hold for good what they hold now.
pub(super) fn settle(all: &mut Vec<Temporary>, slots: &[Replaced]) {
    for temporary in all.iter_mut() {
        temporary.slots.retain(|own| !slots.iter().any(|slot| slot.is(&own.map, own.index)));
    }
    all.retain(|temporary| !temporary.slots.is_empty());
}

/// The one of this time ends: what is to be put back now. `None` if there is none.
pub(super) fn end(all: &mut Vec<Temporary>, at: u64) -> Option<Vec<Replaced>> {
    let position = all.iter().position(|temporary| temporary.at == at)?;
    let mut slots = all.remove(position).slots;
    slots.retain(|slot| {
        let mut later = all[position..].iter_mut().flat_map(|temporary| &mut temporary.slots);
        match later.find(|later| later.is(&slot.map, slot.index)) {
            Some(later) => {
                later.before.clone_from(&slot.before);
                false
            }
            None => true,
        }
    });
    Some(slots)
}

#[cfg(test)]
mod tests {
    use super::{begin, end, settle};
    use crate::desired::ProgramRef;
    use crate::live::{Replaced, Temporary};

    fn slot(index: u32, before: &str) -> Replaced {
        let program = ProgramRef { object: "main".into(), name: before.into() };
        Replaced { map: "handlers".into(), index, before: Some(program) }
    }

    fn both() -> Vec<Temporary> {
        let mut all = Vec::new();
        begin(&mut all, 1, vec![slot(59, "exec"), slot(60, "exit")]);
        begin(&mut all, 2, vec![slot(59, "first"), slot(61, "wait")]);
        all
    }

    #[test]
    fn the_later_one_ends_first() {
        let mut all = both();
        assert_eq!(end(&mut all, 2), Some(vec![slot(59, "first"), slot(61, "wait")]));
        assert_eq!(end(&mut all, 1), Some(vec![slot(59, "exec"), slot(60, "exit")]));
        assert_eq!(end(&mut all, 1), None);
    }

    #[test]
    fn the_earlier_one_ends_first_and_leaves_what_the_later_one_has() {
        let mut all = both();
        assert_eq!(end(&mut all, 1), Some(vec![slot(60, "exit")]));
        assert_eq!(end(&mut all, 2), Some(vec![slot(59, "exec"), slot(61, "wait")]));
    }

    #[test]
    fn what_was_swapped_for_good_stays() {
        let mut all = both();
        settle(&mut all, &[slot(59, "second"), slot(61, "second")]);
        assert_eq!(end(&mut all, 2), None);
        assert_eq!(end(&mut all, 1), Some(vec![slot(60, "exit")]));
        assert_eq!(all, []);
    }

    #[test]
    fn a_slot_asked_for_twice_has_one_before() {
        let mut all = Vec::new();
        begin(&mut all, 1, vec![slot(59, "exec"), slot(59, "first")]);
        assert_eq!(end(&mut all, 1), Some(vec![slot(59, "exec")]));
    }
}
