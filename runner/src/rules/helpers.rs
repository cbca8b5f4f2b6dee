//! Whether programs may call the helpers that they call: by their licence, and by their type.
//!
//! Only what holds for every kernel since 5.10 is here; what came later belongs to the checks against a
//! kernel.

use crate::model::{Model, ProgramId};
use crate::object::{AttachType, ProgramType, Section, helper_name};
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use crate::text::source::At;

/// Licences that open GPL-only helpers (`license_is_gpl_compatible`, include/linux/license.h).
const GPL_COMPATIBLE: [&str; 6] =
    ["GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"];

/// Helpers with `gpl_only` that the program types of the ways of attaching have
/// (kernel/trace/bpf_trace.c, kernel/bpf/helpers.c, kernel/bpf/stackmap.c, kernel/events).
const GPL_ONLY: [u32; 32] = [
    4,   // probe_read
    6,   // trace_printk
    22,  // perf_event_read
    25,  // perf_event_output
    27,  // get_stackid
    35,  // get_current_task
    36,  // probe_write_user
    45,  // probe_read_str
    55,  // perf_event_read_value
    56,  // perf_prog_read_value
    58,  // override_return
    67,  // get_stack
    111, // skb_output
    112, // probe_read_user
    113, // probe_read_kernel
    114, // probe_read_user_str
    115, // probe_read_kernel_str
    119, // read_branch_records
    121, // xdp_output
    126, // seq_printf
    127, // seq_write
    150, // seq_printf_btf
    158, // get_current_task_btf
    165, // snprintf
    169, // timer_init
    170, // timer_set_callback
    171, // timer_start
    172, // timer_cancel
    173, // get_func_ip
    175, // task_pt_regs
    176, // get_branch_snapshot
    177, // trace_vprintk
];

/// Applies these rules.
pub fn check(model: &Model, findings: &mut Findings) {
    for program in model.programs_in_use() {
        licence_suffices(model, &program, findings);
        type_has_them(model, &program, findings);
    }
}

/// `check_helper_call`, kernel/bpf/verifier.c: "cannot call GPL-restricted function from non-GPL
/// compatible program".
fn licence_suffices(model: &Model, program: &At<ProgramId>, findings: &mut Findings) {
    let file = &model.objects[program.value.object].file;
    let licence = file.inventory.license.as_deref();
    if licence.is_some_and(|licence| GPL_COMPATIBLE.contains(&licence)) {
        return;
    }
    let restricted: Vec<String> = model
        .program(program.value)
        .helpers
        .iter()
        .filter(|helper| GPL_ONLY.contains(helper))
        .map(|&helper| name(helper))
        .collect();
    let Some(first) = restricted.first() else { return };
    let rest = match restricted.len() {
        1 => String::new(),
        count => format!(" and {} more like it", count - 1),
    };
    let diagnostic = Diagnostic::error(
        Code::Licence,
        program.span,
        format!("`{}` needs a GPL-compatible licence", model.program_name(program.value)),
    )
    .label(format!("calls `{first}`{rest}"));
    findings.push(
        match licence {
            Some(licence) => {
                diagnostic.note(format!("in {}: the licence is \"{licence}\"", file.origin))
            }
            None => diagnostic.note(format!("{} has no section \"license\"", file.origin)),
        }
        .help("say it in the source: `char LICENSE[] SEC(\"license\") = \"GPL\";`")
        .help(format!("these are compatible: {}", GPL_COMPATIBLE.join(", "))),
    );
}

/// The functions named `…_func_proto` of each program type, kernel/trace/bpf_trace.c.
fn type_has_them(model: &Model, program: &At<ProgramId>, findings: &mut Findings) {
    let used = model.program(program.value);
    let Some(program_type) = used.section.program_type else { return };
    for &helper in &used.helpers {
        let Some(home) = Home::of(helper).filter(|home| !home.has(program_type, &used.section))
        else {
            continue;
        };
        findings.push(
            Diagnostic::error(
                Code::HelperUnavailable,
                program.span,
                format!("`{}` can't call `{}`", model.program_name(program.value), name(helper)),
            )
            .label(format!("calls it, and is in section \"{}\"", used.section.name))
            .note(format!("it is only there for {}", home.who()))
            .help(home.instead()),
        );
    }
}

fn name(helper: u32) -> String {
    helper_name(helper).unwrap_or_else(|| format!("helper {helper}"))
}

/// The programs that have a helper which others lack.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Home {
    Kprobe,
    PerfEvent,
    /// fentry, fexit, fmod_ret and LSM programs (`bpf_prog_has_trampoline`); BTF tracepoints came later.
    Trampoline,
    Tracing,
    Iterator,
    Sleepable,
    Network,
}

impl Home {
    fn of(helper: u32) -> Option<Home> {
        match helper {
            58 => Some(Home::Kprobe),
            56 | 119 => Some(Home::PerfEvent),
            183..=185 => Some(Home::Trampoline),
            111 | 121 | 147 => Some(Home::Tracing),
            126 | 127 | 150 => Some(Home::Iterator),
            148 | 191 => Some(Home::Sleepable),
            _ => is_for_packets(helper).then_some(Home::Network),
        }
    }

    /// Whether programs of a section have it. Types that no way of attaching has are not judged.
    fn has(self, program_type: ProgramType, section: &Section) -> bool {
        let is_lsm = program_type == ProgramType::Other("lsm");
        let is_known = matches!(
            program_type,
            ProgramType::Kprobe
                | ProgramType::Tracepoint
                | ProgramType::RawTracepoint
                | ProgramType::Tracing
                | ProgramType::Other("perf_event")
        ) || is_lsm;
        let tracing = program_type == ProgramType::Tracing || is_lsm;
        !is_known
            || match self {
                Home::Kprobe => program_type == ProgramType::Kprobe,
                Home::PerfEvent => program_type == ProgramType::Other("perf_event"),
                Home::Trampoline | Home::Tracing => tracing,
                Home::Iterator => section.attach_type == AttachType::Other("trace_iter"),
                Home::Sleepable => section.sleepable,
                Home::Network => false,
            }
    }

    fn who(self) -> &'static str {
        match self {
            Home::Kprobe => "kprobe programs",
            Home::PerfEvent => "perf_event programs",
            Home::Trampoline => "fentry, fexit, fmod_ret and lsm programs",
            Home::Tracing => "fentry, fexit, fmod_ret, tp_btf, lsm and iter programs",
            Home::Iterator => "iter programs",
            Home::Sleepable => "programs that may sleep, as in a section \"fentry.s/…\"",
            Home::Network => "programs that handle packets",
        }
    }

    fn instead(self) -> &'static str {
        match self {
            Home::Kprobe => "attach it as `kprobe`, in a section \"kprobe/…\"",
            Home::PerfEvent => "attach it as `perf_event`, in a section \"perf_event\"",
            Home::Trampoline => {
                "attach it as `fexit`, or read arguments and results from the context"
            }
            Home::Tracing => "compile it for one of these sections",
            Home::Iterator => "attach it as `iter`, or send records through a ring buffer",
            Home::Sleepable => "compile it for such a section, or use `bpf_probe_read_user`",
            Home::Network => "read packets with `bpf_probe_read_kernel`",
        }
    }
}

/// Helpers that work on the packet or the message of a networking program (`bpf_sk_base_func_proto` and
/// the functions that call it, net/core/filter.c).
fn is_for_packets(helper: u32) -> bool {
    let Some(name) = helper_name(helper) else { return false };
    let on_packets = ["bpf_skb_", "bpf_xdp_", "bpf_msg_", "bpf_lwt_", "bpf_l3_csum", "bpf_l4_csum"];
    on_packets.iter().any(|prefix| name.starts_with(prefix))
        // BTF programs that trace networking have these.
        && !matches!(helper, 111 | 121 | 188)
}

#[cfg(test)]
mod tests {
    use super::{GPL_ONLY, Home, is_for_packets};
    use crate::object::{Section, helper_name};

    fn may_call(section: &str, helper: u32) -> bool {
        let section = Section::parse(section);
        let program_type = section.program_type.expect("a section that is known");
        Home::of(helper).is_none_or(|home| home.has(program_type, &section))
    }

    #[test]
    fn the_numbers_are_those_of_the_names() {
        for (helper, name) in [
            (58, "bpf_override_return"),
            (56, "bpf_perf_prog_read_value"),
            (119, "bpf_read_branch_records"),
            (183, "bpf_get_func_arg"),
            (185, "bpf_get_func_arg_cnt"),
            (111, "bpf_skb_output"),
            (121, "bpf_xdp_output"),
            (147, "bpf_d_path"),
            (126, "bpf_seq_printf"),
            (127, "bpf_seq_write"),
            (150, "bpf_seq_printf_btf"),
            (148, "bpf_copy_from_user"),
            (191, "bpf_copy_from_user_task"),
            (188, "bpf_xdp_get_buff_len"),
            (173, "bpf_get_func_ip"),
            (177, "bpf_trace_vprintk"),
        ] {
            assert_eq!(helper_name(helper).as_deref(), Some(name));
        }
        assert!(GPL_ONLY.is_sorted());
    }

    #[test]
    fn each_type_has_what_the_kernel_gives_it() {
        assert!(may_call("kprobe/x", 58) && !may_call("fentry/x", 58));
        assert!(may_call("fexit/x", 184) && may_call("lsm/x", 184) && !may_call("kprobe/x", 184));
        assert!(may_call("fentry.s/x", 148) && !may_call("fentry/x", 148));
        assert!(may_call("uprobe.s/x", 148) && !may_call("uprobe/x", 148));
        assert!(may_call("iter/task", 126) && !may_call("fentry/x", 126));
        assert!(may_call("tp_btf/x", 111) && !may_call("raw_tp/x", 111));
        assert!(may_call("tp_btf/x", 188) && !may_call("tp_btf/x", 26));
        // Not judged: it can't be attached here anyway.
        assert!(may_call("tc", 26));
    }

    #[test]
    fn packets_are_told_from_sockets_and_maps() {
        assert!(is_for_packets(26) && is_for_packets(44) && is_for_packets(10));
        for helper in [1, 25, 46, 107, 136] {
            assert!(!is_for_packets(helper), "{:?}", helper_name(helper));
        }
    }
}
