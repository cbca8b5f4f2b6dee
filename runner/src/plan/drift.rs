//! How the kernel differs from what the state file says was brought up, in words.

use crate::live::{LinkKeeper, Live, Record};
use crate::plan::{Reason, words};

/// What was brought up and isn't there any more, or is something else now.
pub fn drift(record: &Record, live: &Live) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for link in record.attachments.iter().flat_map(|a| &a.links) {
        let LinkKeeper::Pin { name, id } = &link.keeper else {
            continue;
        };
        let found = live.links.iter().find(|live| live.pin == *name).map(|live| live.id);
        let subject = || format!("link of {}", words::program(&link.program));
        reasons.extend(changed(subject, *id, found));
    }
    for made in &record.programs {
        let found = live.programs.iter().find(|live| live.pin == made.pin).map(|live| live.id);
        let subject = || format!("program {}", words::program(&made.program));
        reasons.extend(changed(subject, made.id, found));
    }
    for made in &record.maps {
        let found = live.maps.iter().find(|live| live.name == made.name).map(|live| live.id);
        reasons.extend(changed(|| format!("map {}", made.name), made.id, found));
    }
    reasons.extend(slots(record, live));
    reasons
}

fn changed(subject: impl Fn() -> String, made: u32, found: Option<u32>) -> Option<Reason> {
    let change = match found {
        None => "is gone",
        Some(id) if id != made => "was replaced by another",
        Some(_) => return None,
    };
    Some(Reason { subject: subject(), change: change.to_owned() })
}

fn slots(record: &Record, live: &Live) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let name = |map: &str, index: u32| format!("slot {map}[{index}]");
    for slot in &record.desired.slots {
        let mut found = live.slots.iter();
        let change = match found.find(|live| live.map == slot.map && live.index == slot.index) {
            Some(live) if live.program.as_ref() == Some(&slot.program) => continue,
            Some(live) => {
                let (found, wanted) = (words::occupant(live), words::program(&slot.program));
                format!("holds {found} instead of {wanted}")
            }
            None => "is empty".to_owned(),
        };
        reasons.push(Reason { subject: name(&slot.map, slot.index), change });
    }
    for found in &live.slots {
        let mut wanted = record.desired.slots.iter();
        if !wanted.any(|slot| slot.map == found.map && slot.index == found.index) {
            let change = "was filled by somebody else".to_owned();
            reasons.push(Reason { subject: name(&found.map, found.index), change });
        }
    }
    reasons
}
