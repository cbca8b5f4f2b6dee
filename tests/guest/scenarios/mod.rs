//! All scenarios, a file a subject.

mod attach_cookies;
mod attach_kernel;
mod attach_modules;
mod attach_multi;
mod attach_user;
mod aya;
mod crash;
mod doctor;
mod kernel_file;
mod lasting;
mod lifecycle;
mod linked;
mod lockdown;
mod map_overrides;
mod migration;
mod planning;
mod probe_tests;
mod reading;
mod records;
mod refusals;
mod refused;
mod reporting;
mod rps_counts;
mod rps_filters;
mod rps_probes;
mod serving;
mod storm;
mod swap;
mod syscalls;
mod tail_calls;
mod watching;
mod watching_tmux;

use crate::scenario::{Boot, Scenario};

/// The scenarios for kernels booted this way, and whose name contains the filter.
pub fn chosen(boot: Boot, filter: Option<&str>) -> Vec<Scenario> {
    [
        doctor::SCENARIOS,
        kernel_file::SCENARIOS,
        rps_counts::SCENARIOS,
        rps_filters::SCENARIOS,
        syscalls::SCENARIOS,
        storm::SCENARIOS,
        swap::SCENARIOS,
        planning::SCENARIOS,
        migration::SCENARIOS,
        crash::SCENARIOS,
        tail_calls::SCENARIOS,
        probe_tests::SCENARIOS,
        linked::SCENARIOS,
        aya::SCENARIOS,
        map_overrides::SCENARIOS,
        lifecycle::SCENARIOS,
        lasting::SCENARIOS,
        reading::SCENARIOS,
        records::SCENARIOS,
        watching::SCENARIOS,
        watching_tmux::SCENARIOS,
        serving::SCENARIOS,
        reporting::SCENARIOS,
        refusals::SCENARIOS,
        refused::SCENARIOS,
        lockdown::SCENARIOS,
        attach_user::SCENARIOS,
        attach_cookies::SCENARIOS,
        attach_kernel::SCENARIOS,
        attach_modules::SCENARIOS,
        attach_multi::SCENARIOS,
    ]
    .concat()
    .into_iter()
    .filter(|scenario| scenario.boot == boot)
    .filter(|scenario| filter.is_none_or(|part| scenario.name.contains(part)))
    .collect()
}
