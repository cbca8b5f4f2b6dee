//! Every so many times that something happens, on every CPU or in one process.

use std::path::Path;

use aya::util::online_cpus;

use crate::desired::{Details, Event, Hook, Rate};
use crate::kernel::attach::{Attached, Failure, Part, perf};
use crate::kernel::sys::links::EventRequest;

/// `PERF_TYPE_HARDWARE` and `PERF_TYPE_SOFTWARE`
const HARDWARE: u32 = 0;
const SOFTWARE: u32 = 1;

/// One program.
pub fn parts(hook: &Hook) -> Vec<Part<'_>> {
    vec![Part { program: &hook.program, target: None, attach }]
}

/// One link for each CPU, because an event belongs to one; one link for a process.
fn attach(program: &Path, hook: &Hook) -> Result<Vec<Attached>, Failure> {
    let Details::Sampling { event, rate, process } = hook.details else {
        return Err(Failure::Incomplete);
    };
    let (event_type, config) = numbers(event);
    let (sample, is_frequency) = match rate {
        Rate::Frequency(frequency) => (frequency, true),
        Rate::Period(period) => (period, false),
    };
    let cpus = match process {
        Some(_) => vec![0],
        None => online_cpus().map_err(|(_, error)| error)?,
    };
    cpus.into_iter()
        .map(|cpu| {
            let request = EventRequest {
                event_type,
                config,
                sample,
                is_frequency,
                process,
                cpu,
                ..EventRequest::default()
            };
            perf::attach(program, &request, hook.cookie)
        })
        .collect()
}

/// `perf_event_attr.type` and `config`: `enum perf_hw_id` and `enum perf_sw_ids`.
fn numbers(event: Event) -> (u32, u64) {
    match event {
        Event::CpuClock => (SOFTWARE, 0),
        Event::TaskClock => (SOFTWARE, 1),
        Event::PageFaults => (SOFTWARE, 2),
        Event::ContextSwitches => (SOFTWARE, 3),
        Event::CpuMigrations => (SOFTWARE, 4),
        Event::MinorFaults => (SOFTWARE, 5),
        Event::MajorFaults => (SOFTWARE, 6),
        Event::Cycles => (HARDWARE, 0),
        Event::Instructions => (HARDWARE, 1),
        Event::CacheReferences => (HARDWARE, 2),
        Event::CacheMisses => (HARDWARE, 3),
        Event::Branches => (HARDWARE, 4),
        Event::BranchMisses => (HARDWARE, 5),
    }
}
