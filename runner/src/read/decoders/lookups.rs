//! What the machine was asked during one readout.

use std::collections::HashMap;

use crate::read::decoders::stacks::{StackSource, Symbols};

/// Answers remembered, so that a map of many rows asks once for each name.
///
/// Names go stale (a process ends, its number is given to another): make a new one for each readout,
/// and for each batch of event records.
#[derive(Debug, Default)]
pub struct Lookups {
    /// Network devices by interface index.
    pub(super) devices: Names,
    /// Processes by id.
    pub(super) processes: Names,
    /// Users by id.
    pub(super) users: Names,
    /// Groups by id.
    pub(super) groups: Names,
    /// Devices of earlier readouts, some of which are gone.
    pub(super) former_devices: HashMap<i128, String>,
    /// Block and character devices by their number.
    pub(super) numbers: Names,
    /// Paths of control groups by their id.
    pub(super) cgroups: Option<HashMap<u64, String>>,
    /// Functions by their address.
    pub(super) symbols: Symbols,
    /// The Unix time in nanoseconds at which the monotonic clock was 0.
    pub(super) boot: Option<i128>,
}

impl Lookups {
    /// Forgets what may be stale, for the next readout. Devices that go keep the names that they had.
    pub fn renew(&mut self) {
        let known = std::mem::take(&mut self.devices.0).into_iter();
        let mut former = std::mem::take(&mut self.former_devices);
        former.extend(known.filter_map(|(index, name)| Some((index, name?))));
        *self = Lookups { former_devices: former, ..Lookups::default() };
    }

    /// Says where ids of stack traces are looked up.
    pub fn set_stacks(&mut self, stacks: StackSource) {
        self.symbols.stacks = Some(stacks);
    }
}

/// Names by number; `None` where there is none.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<i128, Option<String>>);

impl Names {
    /// The number's name; asks only the first time.
    pub fn get(&mut self, number: i128, ask: impl FnOnce() -> Option<String>) -> Option<String> {
        self.0.entry(number).or_insert_with(ask).clone()
    }
}

#[cfg(test)]
mod tests {
    use crate::read::decoders::lookups::Names;

    #[test]
    fn an_answer_is_asked_for_once_even_if_there_is_none() {
        let mut names = Names::default();
        assert_eq!(names.get(1, || Some("lo".into())), Some("lo".into()));
        assert_eq!(names.get(1, || Some("eth0".into())), Some("lo".into()));
        assert_eq!(names.get(2, || None), None);
        assert_eq!(names.get(2, || Some("eth0".into())), None);
    }
}
